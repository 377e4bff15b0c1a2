"""A judge that remembers: each picture is looked at once, and what it says is what the judge says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unhype.judges.judge import Featured, Judge, Seen, features_of
from unhype.judges.remembering import remembering


class Counting:
    """A judge that reads the first pixel, and counts what it is shown."""

    name, known, people, threshold, cannot = "counting", frozenset({"1", "2"}), frozenset[str](), 0.0, "anything"
    vocabulary: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.shown: list[int] = []

    def read(self, pixels: np.ndarray) -> list[Seen]:
        self.shown += [int(picture[0, 0, 0]) for picture in pixels]
        return [Seen((str(picture[0, 0, 0]),), face=True) for picture in pixels]


class CountingFeatured(Counting):
    def features(self, pixels: np.ndarray) -> np.ndarray:
        return np.ones((len(pixels), 3))


def pictures(*values: int) -> np.ndarray:
    return np.stack([np.full((4, 4, 3), value, dtype=np.uint8) for value in values])


def test_each_picture_is_looked_at_once() -> None:
    judge = Counting()
    told = remembering(judge)
    asked = pictures(1, 2, 1), pictures(2, 3)
    seen = [told.read(part) for part in asked]
    assert judge.shown == [1, 2, 3]
    assert seen == [Counting().read(part) for part in asked]
    assert told.read(pictures(1)[:0]) == []


def test_memories_of_shards_join() -> None:
    first, second = remembering(Counting()), remembering(Counting())
    first.read(pictures(1, 2))
    second.read(pictures(2, 3))
    judge = Counting()
    told = remembering(judge, first.memory | second.memory)
    assert [seen.concepts for seen in told.read(pictures(3, 2, 1, 4))] == [("3",), ("2",), ("1",), ("4",)]
    assert judge.shown == [4]


def test_pictures_of_one_colour_and_different_sizes_are_different() -> None:
    judge = Counting()
    told = remembering(judge)
    told.read(np.zeros((1, 4, 4, 3), np.uint8))
    told.read(np.zeros((1, 2, 8, 3), np.uint8))
    assert len(judge.shown) == 2


def test_it_is_the_judge_in_everything_else() -> None:
    judge: Judge = Counting()
    told = remembering(judge)
    for name in ("name", "known", "people", "vocabulary", "threshold", "cannot"):
        assert getattr(told, name) == getattr(judge, name)
    assert remembering(told) is told
    assert features_of(told) is None
    featured = remembering(CountingFeatured())
    assert isinstance(featured, Featured)
    assert featured.features(pictures(1, 2)).shape == (2, 3)
