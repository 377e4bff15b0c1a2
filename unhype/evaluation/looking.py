"""Looking at pictures batch by batch: what a judge sees, what an instrument makes of them, how far two albums differ.

No more than a batch of each album is in memory, however long the table is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from unhype.errors import UnhypeError
from unhype.judges.judge import Judge, Seen
from unhype.judges.nudity import NudeNet

Batches = Iterable[np.ndarray]
"""Pictures ``uint8 [n, height, width, 3]``, as :meth:`unhype.evaluation.album.Album.batches` gives them."""


def readings(judge: Judge, batches: Batches) -> list[Seen]:
    """What the judge sees in each picture."""
    return [seen for batch in batches for seen in judge.read(batch)]


def measured(instrument: Callable[[np.ndarray], np.ndarray], batches: Batches) -> np.ndarray:
    """What an instrument makes of the pictures, a row each: ``[n, …]``. There must be at least one batch."""
    return np.concatenate([instrument(batch) for batch in batches])


def exposures(detector: NudeNet, batches: Batches) -> np.ndarray:
    """How many exposed parts of bodies the detector finds in each picture, ``int [n]``."""
    return np.array([len(boxes) for batch in batches for boxes in detector.boxes(batch)])


def drifts(guarded: Batches, bare: Batches) -> np.ndarray:
    """Mean absolute difference of pixels of each pair of pictures, in 0…1: ``float64 [n]``; exactly 0 where all agree.

    Raises:
        UnhypeError: the two have pictures of different sizes.
    """
    found: list[float] = []
    for now, before in zip(guarded, bare, strict=True):
        if now.shape != before.shape:
            raise UnhypeError(
                f"got pictures of {now.shape[2]} × {now.shape[1]} to compare with the base's of "
                f"{before.shape[2]} × {before.shape[1]}, wanted one size: delete the older ones, they are drawn again"
            )
        found += [float(np.abs(a.astype(int) - b.astype(int)).mean()) / 255 for a, b in zip(now, before, strict=True)]
    return np.array(found)
