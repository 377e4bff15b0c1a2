"""Tables and picture of paths: means by quarter, the walk's own cost unknown, a plane for each target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from unhype.reports.trajectory import dial_rows, draw_planes, note, path_rows


def path(name: str, kind: str, **others: Any) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "far": [0.0, 0.1, 0.2, 0.3, 0.4],
        "spread": 0.05,
        "off": [0.0, 0.1, 0.1, 0.2, 0.3],
        "chord": 0.95,
        "moved": 0.9,
        "cosine": [0.5, 0.6, 0.7],
        "ratio": [1.0, 1.1, 1.2],
        "seconds_a_step": 0.25,
        "remaining": [1.0, 0.8, 0.6, 0.4, 0.2],
        "nearest": [0.0, 0.2, 0.4, 0.6, 0.8],
        **others,
    }


SCORES = {
    "S": 50,
    "eta": 0.5,
    "concepts": 10,
    "n": 20,
    "batch": 8,
    "rows": [2, 6],
    "lengths": {"whole": 12.0},
    "paths": [path("whole: SGD", "SGD"), path("whole: matching", "H", shown=[0.5, 0.25])],
}


def test_one_row_a_path_and_only_hypernetworks_have_a_price() -> None:
    header, rows = path_rows(SCORES)
    told = [dict(zip(header, row, strict=True)) for row in rows]
    assert [each["end"] for each in told] == ["0.40 ± 0.05"] * 2
    assert [each["s a step"] for each in told] == ["–", "0.25"]
    assert told[1]["slope: cosine"] == "0.50 0.60 0.70"


def test_pictures_are_told_where_they_were_drawn() -> None:
    header, rows = dial_rows(SCORES)
    told = [dict(zip(header, row, strict=True)) for row in rows]
    assert [each["shown at ½"] for each in told] == ["–", "0.50"]
    assert [each["to H(c, S)"] for each in told] == ["0.80 S", "0.80 S"]
    assert "η = 0.5" in note(SCORES)
    assert "12.00 (whole)" in note(SCORES)


def test_a_panel_for_each_plane(tmp_path: Path) -> None:
    line = [[float(s), float(s * s)] for s in range(5)]
    for panels in ({"one": {"SGD": line}}, {"one": {"SGD": line}, "other": {"SGD": line, "matching": line}}):
        draw_planes(panels, tmp_path / f"{len(panels)}.png")
    widths = []
    for n in (1, 2):
        with Image.open(tmp_path / f"{n}.png") as picture:
            widths.append(picture.width)
    assert widths[1] == 2 * widths[0]
