"""The digits that scikit-learn ships: 1,797 pictures of 8 × 8 pixels, 1,200 to learn from and 597 to test on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from unhype.errors import UnhypeError

CLASSES = 10
LEARNT = 1200


class Digits(NamedTuple):
    """Pictures ``x [n, 64]`` from 0 to 1, and what they show, ``y [n]`` from 0 to 9."""

    x: torch.Tensor
    y: torch.Tensor

    def only(self, digit: int, others: bool = False) -> Digits:
        """D_f: those that show a digit; with ``others`` D_r, all but those."""
        chosen = (self.y == digit) != others
        return Digits(self.x[chosen], self.y[chosen])


class Split(NamedTuple):
    """Two parts that share no picture, drawn by ``seed``."""

    train: Digits
    test: Digits
    seed: int


def load_split(seed: int) -> Split:
    """The digits, split at random."""
    from sklearn.datasets import load_digits

    pictures, shown = load_digits(return_X_y=True)
    order = np.random.default_rng([seed, 64]).permutation(len(shown))
    x, y = torch.from_numpy(pictures[order] / 16.0).float(), torch.from_numpy(shown[order])
    return Split(Digits(x[:LEARNT], y[:LEARNT]), Digits(x[LEARNT:], y[LEARNT:]), seed)


def check_digits(*forget: int) -> None:
    """Refuse to forget what is no digit, nothing, and everything."""
    if odd := [digit for digit in forget if digit not in range(CLASSES)]:
        raise UnhypeError(f"got the digit {odd[0]} to forget, wanted one from 0 to {CLASSES - 1}")
    if not 0 < len(set(forget)) < CLASSES:
        raise UnhypeError(f"got {len(set(forget))} digits to forget, wanted at least one, and one that is kept")
