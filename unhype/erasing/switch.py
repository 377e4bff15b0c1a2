"""The switch: does this phrase mean a forgotten concept, and how surely? A number in 0…1 that multiplies every B.

A hypernetwork learns the names that it was shown, and answers a name that it never saw as it likes. The switch knows
instead what *changes* when the same name is said in other words, and ignores it: vectors are whitened by the scatter
within names (Fisher's discriminant), so that what is left is who or what is meant. A phrase opens it if it lies close
enough to the centre of a forgotten concept, and closer than to anything that must stay. It is fitted in closed form.

Which phrases of a prompt it is asked about: :mod:`unhype.erasing.phrases`. Which retained concepts it protects:
:mod:`unhype.erasing.fitting`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from unhype.concepts.kinds import PEOPLE

SHRINKAGE = 0.2
"""Share of the mean variance that is added to every direction's: few contexts leave some directions unmeasured."""


WIDTH = 0.04
"""How far it is from shut to wide open."""

LONGEST = 4
"""Words of the longest phrase that is looked at, where no forgotten concept has more."""


TENSORS = ("mean", "whitening", "centres", "kept")
"""The fields of a switch that are tensors, and never None."""


@dataclass(frozen=True)
class Switch:
    """Fitted geometry.

    Attributes:
        concepts: the forgotten concepts, in the order of ``centres``.
        mean: of all vectors, ``[d]``.
        whitening: ``[d, d]``.
        centres: of every forgotten concept after whitening, unit length, ``[m, d]``.
        kept: the same of the retained concepts that keep it shut around them, ``[k, d]``.
        threshold: cosine at which the switch is half open.
        width: how far it is from shut to wide open.
        longest: words of the longest phrase that it should be asked about.
        sure: cosine from which a phrase counts whatever its sentence says (:mod:`unhype.erasing.sentences`); at 0 no
            sentence is asked.
        canonical: the vector that each concept's own name has, ``[m, d]``: the hypernetwork reads it in place of the
            vector of whatever phrase means the concept. None where it reads the phrase's.
    """

    concepts: tuple[str, ...]
    mean: torch.Tensor
    whitening: torch.Tensor
    centres: torch.Tensor
    kept: torch.Tensor
    threshold: float
    width: float = WIDTH
    longest: int = LONGEST
    sure: float = 0.0
    canonical: torch.Tensor | None = None

    def similarity(self, c: torch.Tensor) -> torch.Tensor:
        """Cosine of ``c [n, d]`` to every centre, ``[n, m]``."""
        return _project(c, self.mean, self.whitening) @ self.centres.T

    def toward(self, c: torch.Tensor, concepts: torch.Tensor) -> torch.Tensor:
        """Cosine of ``c [n, d]`` to the centre of one concept each, ``[n]``."""
        return (_project(c, self.mean, self.whitening) * self.centres[concepts]).sum(1)

    def margin(self, c: torch.Tensor) -> torch.Tensor:
        """How much nearer ``c [n, d]`` lies to every centre than it must to open halfway, ``[n, m]``.

        It must be nearer than the threshold, and nearer than to anything that must stay.
        """
        projected = _project(c, self.mean, self.whitening)
        bound = torch.full((len(c), 1), self.threshold, device=c.device)
        if len(self.kept):
            bound = torch.maximum(bound, (projected @ self.kept.T).amax(1, keepdim=True))
        return projected @ self.centres.T - bound

    def opened(self, margin: torch.Tensor) -> torch.Tensor:
        """How far open the switch is, in 0…1. Shut is exactly 0: then the base itself draws, to the bit."""
        return (0.5 + margin / self.width).clamp(0, 1)

    @property
    def shut(self) -> float:
        """The largest margin at which it is shut."""
        return -self.width / 2

    def __call__(self, c: torch.Tensor) -> torch.Tensor:
        """How far open the switch is for ``c [n, d]``: ``[n]``."""
        return self.opened(self.margin(c).amax(1))

    def only(self, concepts: Sequence[str]) -> Switch:
        """The same switch for some of its concepts: the others must stay."""
        chosen = [self.concepts.index(concept) for concept in concepts]
        others = [i for i in range(len(self.concepts)) if i not in chosen]
        return replace(
            self,
            concepts=tuple(concepts),
            centres=self.centres[chosen],
            kept=torch.cat([self.kept, self.centres[others]]),
            canonical=None if self.canonical is None else self.canonical[chosen],
        )

    def to(self, device: torch.device) -> Switch:
        """The same, elsewhere."""
        mean, whitening, centres, kept = (getattr(self, name).to(device) for name in TENSORS)
        canonical = None if self.canonical is None else self.canonical.to(device)
        return replace(self, mean=mean, whitening=whitening, centres=centres, kept=kept, canonical=canonical)


def fit_switch(
    concepts: Sequence[str],
    forget: torch.Tensor,
    retain: torch.Tensor,
    opens: float = PEOPLE.opens,
    sure: float = 0.0,
) -> Switch:
    """Fit a switch.

    Args:
        forget: vectors of m forgotten concepts in each of T contexts, ``[m, T, d]``.
        retain: vectors of retained concepts in the same contexts, ``[k, T, d]``.
        opens: cosine at which it is half open; each kind's was measured: :mod:`unhype.concepts.kinds`.
        sure: cosine from which no sentence is asked; the same.
    """
    both = torch.cat([forget, retain]).double()
    mean = both.mean((0, 1))
    within = (both - both.mean(1, keepdim=True)).flatten(0, 1)
    scatter = within.T @ within / len(within)
    values, vectors = torch.linalg.eigh(scatter)
    values = values + SHRINKAGE * values.mean()
    whitening = vectors @ torch.diag(values.rsqrt()) @ vectors.T
    centres, kept = (
        torch.nn.functional.normalize(_project(side.double(), mean, whitening).mean(1), dim=-1)
        for side in (forget, retain)
    )
    longest = max(LONGEST, *(len(concept.split()) for concept in concepts))
    return Switch(
        tuple(concepts), mean.float(), whitening.float(), centres.float(), kept.float(), opens, WIDTH, longest, sure
    )


def _project(c: torch.Tensor, mean: torch.Tensor, whitening: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize((c - mean) @ whitening, dim=-1)
