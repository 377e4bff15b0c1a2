"""The switch: is this prompt about a forgotten concept? A number between 0 and 1 that multiplies every B.

A hypernetwork learns the names that it was shown, and answers a name that it never saw as it likes. The switch knows instead what
*changes* when the same name is said in another sentence, and ignores it: prompt vectors are whitened by the scatter within names
(Fisher's discriminant), so that what is left is who or what is meant. A prompt switches it on if it lies close enough to the centre of
a forgotten concept, and closer than to anything that must stay. It is fitted in closed form.

It fails closed: a retained concept that the base can't tell from a forgotten one (its centre lies among the other's own prompts) is forgotten with it;
the validation of the list warns of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

SHRINKAGE = 0.2
"""Share of the mean variance that is added to every direction's: few prompts leave some directions unmeasured."""


OPENS = 0.75
"""Highest cosine at which a switch is half open. New sentences and aliases pull the forgotten away from their centres: docs/experiments."""

ALARMS = 0.005
"""Where the retained lie far off it opens earlier: where so many of their prompts would be as near to a forgotten centre."""

ALIKE = 0.05
"""A retained centre that is nearer to a forgotten one than so many of that concept's own prompts are can't be told from it."""

WIDTH = 0.04
"""How far it is from shut to wide open."""


TENSORS = ("mean", "whitening", "centres", "kept")
"""The fields of a switch that are tensors."""


@dataclass(frozen=True)
class Switch:
    """Fitted geometry.

    Attributes:
        concepts: the forgotten concepts, in the order of ``centres``.
        mean: of all prompt vectors, ``[d]``.
        whitening: ``[d, d]``.
        centres: of every forgotten concept after whitening, unit length, ``[m, d]``.
        kept: the same of the retained concepts that can be told from them, ``[k, d]``.
        threshold: cosine at which the switch is half open.
        width: how far it is from shut to wide open.
    """

    concepts: tuple[str, ...]
    mean: torch.Tensor
    whitening: torch.Tensor
    centres: torch.Tensor
    kept: torch.Tensor
    threshold: float
    width: float = WIDTH

    def similarity(self, c: torch.Tensor) -> torch.Tensor:
        """Cosine of ``c [n, d]`` to every centre, ``[n, m]``."""
        return _project(c, self.mean, self.whitening) @ self.centres.T

    def __call__(self, c: torch.Tensor) -> torch.Tensor:
        """How far open the switch is for ``c [n, d]``: ``[n]`` in 0…1. Shut is exactly 0: such a prompt is drawn by the base itself, to the bit."""
        near = self.similarity(c).amax(1)
        bound = torch.full_like(near, self.threshold)
        if len(self.kept):
            bound = torch.maximum(bound, (_project(c, self.mean, self.whitening) @ self.kept.T).amax(1))
        return (0.5 + (near - bound) / self.width).clamp(0, 1)

    def only(self, concepts: Sequence[str]) -> Switch:
        """The same switch for some of its concepts: the others must stay."""
        chosen = [self.concepts.index(concept) for concept in concepts]
        others = [i for i in range(len(self.concepts)) if i not in chosen]
        return replace(self, concepts=tuple(concepts), centres=self.centres[chosen], kept=torch.cat([self.kept, self.centres[others]]))

    def to(self, device: torch.device) -> Switch:
        """The same, elsewhere."""
        mean, whitening, centres, kept = (getattr(self, name).to(device) for name in TENSORS)
        return replace(self, mean=mean, whitening=whitening, centres=centres, kept=kept)


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
    centres, kept = (torch.nn.functional.normalize(_project(side.double(), mean, whitening).mean(1), dim=-1) for side in (forget, retain))
    own = torch.einsum("mtd,md->mt", _project(forget.double(), mean, whitening), centres)
    kept = kept[(kept @ centres.T <= own.quantile(ALIKE, dim=1)).all(1)]
    nearest = (_project(retain.double(), mean, whitening) @ centres.T).amax(-1).flatten()
    threshold = min(OPENS, float(nearest.quantile(1 - ALARMS))) if len(nearest) else OPENS
    return Switch(tuple(concepts), mean.float(), whitening.float(), centres.float(), kept.float(), threshold)


def _project(c: torch.Tensor, mean: torch.Tensor, whitening: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize((c - mean) @ whitening, dim=-1)
