"""The picture of methods on made-up figures: who is on the frontier, and that all names can be read."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from PIL import Image

from unhype.reports.pareto import Point, draw_front, front


def point(name: str, kept: float, success: float, closed: bool = False) -> Point:
    around = [(max(0.0, share - 0.1), min(1.0, share + 0.1)) for share in (kept, success)]
    return Point(name, (kept, *around[0]), (success, *around[1]), closed)


POINTS = [
    point("none", 1, 1),
    point("unhype", 1, 0.25),
    point("unhype_words", 1, 0.75),
    point("threshold", 0.98, 1),
    point("spm_gate", 0.3, 0.25),
    point("esd_x", 0, 0),
    point("unguide_paper", 0, 0, closed=True),
    point("gem", 0.01, 0.01),
    point("esd_u", 0.2, 0.1),
    point("mace_like", 0.27, 0.25),
    point("uce", 0.5, 0.5),
    point("static_lora", 0.51, 0.5),
    point("unguide_code", 0.61, 1),
    point("dve_anchored", 0.98, 1, closed=True),
    point("dve", 0.99, 1, closed=True),
]


def test_the_frontier_is_who_nobody_beats() -> None:
    """esd_x and unguide_paper are equal and neither beats the other; unhype keeps more than spm_gate at its success."""
    assert [one.name for one in front(POINTS)] == ["esd_x", "unguide_paper", "gem", "esd_u", "unhype"]
    assert [one.name for one in front(POINTS[:1])] == ["none"]
    assert front([]) == []
    better = point("better", 1, 0.2)
    assert [one.name for one in front([*POINTS, better])] == ["esd_x", "unguide_paper", "gem", "esd_u", "better"]


def test_every_name_has_a_place_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "pareto.png"
    places = draw_front(POINTS, path, "4 names")
    with Image.open(path) as picture:
        assert picture.size == (800, 600)
    assert len(places) == len(POINTS)
    assert not any(one.overlaps(other) for one, other in combinations(places, 2))
    assert all(box.x0 >= 0 and box.x1 <= 800 and box.y0 >= 0 and box.y1 <= 600 for box in places)


def test_a_name_stands_beside_its_marker_though_an_interval_passes(tmp_path: Path) -> None:
    """A long interval on each side of a marker at the edge: the name covers one, rather than stand above both."""
    wall = [Point(f"m{k}", (0.9 + 0.02 * k,) * 3, (0.5, 0.0, 1.0)) for k in range(4)]
    last = point("unhype_words", 1, 0.5)
    place = draw_front([*wall, last], tmp_path / "pareto.png")[-1]
    alone = draw_front([last], tmp_path / "alone.png")[-1]
    assert abs((place.y0 + place.y1) - (alone.y0 + alone.y1)) / 2 < 40
