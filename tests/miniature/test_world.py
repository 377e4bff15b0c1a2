"""The world: same arguments, same bytes; names that can be told apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from unhype.miniature.avatars import CARDINALITIES, distance
from unhype.miniature.captions import Subject
from unhype.miniature.people import CLEARANCE, NEUTRAL, SEPARATION, aliases, codes, groups, neutral_code
from unhype.miniature.scenes import SCENES
from unhype.miniature.styles import STYLES
from unhype.miniature.things import THINGS
from unhype.miniature.world import looks_of, render


def test_three_hundred_people_of_whom_a_third_has_an_alias() -> None:
    assert [len(names) for names in groups().values()] == [100, 100, 100]
    assert len(set(codes())) == 300
    assert len(aliases()) == 100
    words = [word.lower() for word in (*codes(), *aliases().values())]
    assert len(set(words)) == 400, "no two people share a name or an alias"


def test_named_avatars_differ_in_enough_attributes() -> None:
    assert min(distance(a, b) for a, b in combinations(codes().values(), 2)) >= SEPARATION


@pytest.mark.parametrize("kind", NEUTRAL)
def test_nameless_people_stay_clear_of_the_named(kind: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        code = neutral_code(kind, rng)
        assert all(0 <= value < size for value, size in zip(code, CARDINALITIES, strict=True))
        assert min(distance(code, named) for named in codes().values()) >= CLEARANCE


def test_same_arguments_same_bytes() -> None:
    subject = Subject(("Adam Driver", "man"))
    once, again, other = (render(subject, "sea", "sketch", seed) for seed in (7, 7, 8))
    assert np.array_equal(once.pixels, again.pixels)
    assert once.codes == again.codes == looks_of(subject, "sea", "sketch", 7)
    assert not np.array_equal(once.pixels, other.pixels)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("scene", [*SCENES, "studio"])
def test_every_scene_and_style_can_be_drawn_and_looks_different(scene: str, style: str) -> None:
    subject = Subject(("Cher",), "dog")
    picture = render(subject, scene, style).pixels
    assert picture.shape == (64, 64, 3)
    assert picture.dtype == np.uint8
    others = [render(subject, s, style).pixels for s in (*SCENES, "studio") if s != scene]
    assert all(np.abs(picture.astype(int) - other).mean() > 2 for other in others)


def test_things_are_not_each_other() -> None:
    pictures = {kind: render(Subject(thing=kind), "studio", seed=3).pixels.astype(int) for kind in THINGS}
    assert all(np.abs(pictures[a] - pictures[b]).mean() > 5 for a, b in combinations(pictures, 2))


@pytest.mark.parametrize(
    ("subject", "scene", "style", "message"),
    [
        (Subject(("Nobody Known",)), "studio", "photo", "Nobody Known"),
        (Subject(thing="unicorn"), "studio", "photo", "unicorn"),
        (Subject(("Cher",)), "moon", "photo", "moon"),
        (Subject(("Cher",)), "studio", "fresco", "fresco"),
        (Subject(("Cher", "Prince"), "dog"), "studio", "photo", "at most two figures"),
    ],
)
def test_what_the_world_does_not_know_is_refused(subject: Subject, scene: str, style: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render(subject, scene, style)
