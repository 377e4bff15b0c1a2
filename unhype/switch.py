"""The switch: is this prompt about a forgotten concept? A number between 0 and 1 that multiplies every B.

A hypernetwork learns the names that it was shown, and answers a name that it never saw as it likes. The switch knows instead what
*changes* when the same name is said in another sentence, and ignores it: prompt vectors are whitened by the scatter within names
(Fisher's discriminant), so that what is left is who or what is meant. A prompt switches it on if it lies close enough to the centre of
a forgotten concept. It is fitted in closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

SHRINKAGE = 0.2
"""Share of the mean variance that is added to every direction's: few prompts leave some directions unmeasured."""


PLACE = -0.2
"""Where between the retained (0) and the forgotten (1) the switch opens. New sentences and aliases pull the forgotten away from their centres, and names
that it never saw lie no nearer than the retained: docs/experiments."""

WIDTH = 0.25
"""How much of the way between the two sides it takes to open."""


@dataclass(frozen=True)
class Switch:
    """Fitted geometry.

    Attributes:
        concepts: the forgotten concepts, in the order of ``centres``.
        mean: of all prompt vectors, ``[d]``.
        whitening: ``[d, d]``.
        centres: of every forgotten concept after whitening, unit length, ``[m, d]``.
        threshold: cosine at which the switch is half open.
        slope: how steeply it opens there; half a unit of 1/slope below it is shut, as far above it is wide open.
    """

    concepts: tuple[str, ...]
    mean: torch.Tensor
    whitening: torch.Tensor
    centres: torch.Tensor
    threshold: float
    slope: float

    def similarity(self, c: torch.Tensor) -> torch.Tensor:
        """Cosine of ``c [n, d]`` to every centre, ``[n, m]``."""
        return _project(c, self.mean, self.whitening) @ self.centres.T

    def __call__(self, c: torch.Tensor) -> torch.Tensor:
        """How far open the switch is for ``c [n, d]``: ``[n]`` in 0…1. Shut is exactly 0: such a prompt is drawn by the base itself, to the bit."""
        return (0.5 + self.slope * (self.similarity(c).amax(1) - self.threshold)).clamp(0, 1)

    def only(self, concepts: Sequence[str]) -> Switch:
        """The same switch for some of its concepts: the others are no longer forgotten."""
        kept = [self.concepts.index(concept) for concept in concepts]
        return replace(self, concepts=tuple(concepts), centres=self.centres[kept])

    def to(self, device: torch.device) -> Switch:
        """The same, elsewhere."""
        return replace(self, mean=self.mean.to(device), whitening=self.whitening.to(device), centres=self.centres.to(device))


def fit_switch(concepts: Sequence[str], forget: torch.Tensor, retain: torch.Tensor) -> Switch:
    """Fit a switch.

    Args:
        forget: vectors of m forgotten concepts in each of T templates, ``[m, T, d]``.
        retain: vectors of retained concepts in the same templates, ``[k, T, d]``.
    """
    both = torch.cat([forget, retain]).double()
    mean = both.mean((0, 1))
    within = (both - both.mean(1, keepdim=True)).flatten(0, 1)
    scatter = within.T @ within / len(within)
    values, vectors = torch.linalg.eigh(scatter)
    values = values + SHRINKAGE * values.mean()
    whitening = vectors @ torch.diag(values.rsqrt()) @ vectors.T
    centres = torch.nn.functional.normalize(_project(forget.double(), mean, whitening).mean(1), dim=-1)
    own = (_project(forget.double(), mean, whitening) @ centres.T).amax(-1).flatten()
    other = (_project(retain.double(), mean, whitening) @ centres.T).amax(-1).flatten()
    # Between the worst of the forgotten and the nearest of the retained, away from single outliers on either side.
    low, high = float(other.quantile(0.995)), float(own.quantile(0.005))
    return Switch(tuple(concepts), mean.float(), whitening.float(), centres.float(), low + PLACE * (high - low), 1 / max(WIDTH * (high - low), 0.02))


def _project(c: torch.Tensor, mean: torch.Tensor, whitening: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize((c - mean) @ whitening, dim=-1)
