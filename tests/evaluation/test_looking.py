"""Looking batch by batch: the same as looking at everything at once, and one line where two albums don't fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unhype.errors import UnhypeError
from unhype.evaluation.looking import drifts, measured, readings
from unhype.judges.miniature import MiniatureClip, MiniatureJudge

RNG = np.random.default_rng(0)


def pictures(n: int, side: int = 8) -> np.ndarray:
    return RNG.integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def batches(whole: np.ndarray) -> list[np.ndarray]:
    return [whole[start : start + 64] for start in range(0, len(whole), 64)]


def test_drift_is_of_pairs_and_exactly_zero_where_nothing_changed() -> None:
    before = np.zeros((130, 2, 2, 3), dtype=np.uint8)
    now = before.copy()
    now[1] = 255
    now[129, 0, 0, 0] = 51
    found = drifts(batches(now), batches(before))
    assert (found[0], found[1], found[129]) == (0.0, 1.0, 51 / 12 / 255)
    assert np.flatnonzero(found).tolist() == [1, 129]
    whole = pictures(130)
    assert (drifts(batches(whole), batches(now[:, :1, :1].repeat(8, 1).repeat(8, 2))) > 0).all()


def test_two_albums_of_different_sizes_are_one_line() -> None:
    with pytest.raises(UnhypeError, match="pictures of 4 × 4 to compare with the base's of 8 × 8"):
        drifts([pictures(2, 4)], [pictures(2, 8)])


@pytest.mark.slow
def test_batches_give_the_bits_that_everything_at_once_gives(data: Path) -> None:
    judge, clip = MiniatureJudge(data / "judges" / "mini-judge"), MiniatureClip(data / "judges" / "mini-clip")
    whole = pictures(150, 64)
    assert readings(judge, batches(whole)) == judge.read(whole)
    assert (measured(judge.features, batches(whole)) == judge.features(whole)).all()
    assert (measured(clip.see, batches(whole)) == clip.see(whole)).all()
