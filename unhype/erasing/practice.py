"""Which rows a step reads: what is learnt badly is practised more.

A mean over a hundred concepts hides the one that is drawn as before. So the last errors of each group of rows are
remembered (a concept alone, in company, or what its LoRA must leave alone), and a group's rows are drawn the oftener
the larger its error is beside the others of its kind. Hard examples are what is left to learn (Shrivastava et al. 2016,
"Training region-based object detectors with online hard example mining"); docs/experiments/head.md.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from unhype.erasing.material import Material

LATELY = 0.1
"""Weight of a new error in a group's running mean."""

LEAST, MOST = 0.33, 4.0
"""How much more seldom or oftener than others of its kind a group may be read."""


class Practice(nn.Module):
    """Rows by their chance, and by how badly their group is learnt. A module, so that a checkpoint has it.

    Attributes:
        errors: running mean of each kind's and group's error, float64 ``[kinds, groups]``; NaN where none is known.
    """

    errors: torch.Tensor

    def __init__(self, material: Material) -> None:
        super().__init__()
        n = len(material.prompts)
        self.chance = np.full(n, 1 / n) if material.chance is None else material.chance
        alike = np.zeros(n, dtype=int)
        self.kinds, self.groups = (alike if each is None else each for each in (material.kinds, material.groups))
        shape = self.kinds.max() + 1, self.groups.max() + 1
        self.register_buffer("errors", torch.full(shape, torch.nan, dtype=torch.float64))

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n rows; of each kind as many as its chance says, on average."""
        chance = self.chance * self._weights()[self.kinds, self.groups]
        for kind in range(len(self.errors)):
            own = self.kinds == kind
            chance[own] *= self.chance[own].sum() / max(chance[own].sum(), 1e-30)
        return rng.choice(len(chance), size=n, p=chance / chance.sum())

    def learn(self, rows: np.ndarray, errors: torch.Tensor) -> None:
        """Take down the errors of rows that were read, ``[n]``."""
        known = self.errors.cpu().numpy().copy()
        for row, error in zip(rows, errors.float().tolist(), strict=True):
            place = self.kinds[row], self.groups[row]
            known[place] = error if np.isnan(known[place]) else (1 - LATELY) * known[place] + LATELY * error
        self.errors.copy_(torch.from_numpy(known))

    def _weights(self) -> np.ndarray:
        """How much oftener than by its chance each group is read, ``[kinds, groups]``."""
        errors = self.errors.cpu().numpy()
        weights = np.ones_like(errors)
        for kind, own in enumerate(errors):
            if (~np.isnan(own)).any() and (mean := np.nanmean(own)) > 0:
                weights[kind] = (np.where(np.isnan(own), mean, own) / mean).clip(LEAST, MOST)
        return weights
