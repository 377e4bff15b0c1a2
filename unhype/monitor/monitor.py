"""A fitted monitor: what of the forgotten does a picture show while it is being drawn?

A small net names suspects (:mod:`.net`), and the base is asked about them (:mod:`.witness`). Together they decide:

    w_0 · logit + w_1 · V > bar
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.monitor.features import View, view
from unhype.monitor.net import MonitorNet
from unhype.monitor.witness import evidence

LOOK = 0.2
"""How far into the noise it looks: what is drawn then is nearly the picture, and hardly ever does a picture begin
again."""

SUSPECTS = 3
"""Concepts that the base is asked about, of one picture."""

AT_ONCE = 16
"""Pictures about which the base is asked at a time."""


class Suspect(NamedTuple):
    """Somebody who may be in a picture: the picture's place, the concept's place, and the net's logit."""

    picture: int
    concept: int
    logit: float


@dataclass(frozen=True)
class Monitor:
    """The second opinion of a guard.

    Attributes:
        net: one logit for each concept.
        concepts: m forgotten concepts.
        prompts: what the base is asked about each.
        c: what each concept's own LoRA is emitted from, ``[m, d]``.
        suspected: the least logit at which the base is asked about a concept.
        weights: w_0 of the logit, w_1 of the evidence.
        bar: what they must come to.
    """

    net: MonitorNet
    concepts: tuple[str, ...]
    prompts: tuple[str, ...]
    c: torch.Tensor
    suspected: float
    weights: tuple[float, float]
    bar: float

    def __post_init__(self) -> None:
        if len({len(self.concepts), len(self.prompts), len(self.c)}) > 1 or len(self.weights) != 2:
            raise ValueError(
                f"got {len(self.prompts)} prompts, {len(self.c)} vectors and {len(self.weights)} weights, wanted "
                f"{len(self.concepts)}, as many, and 2"
            )

    @torch.no_grad()
    def seen(
        self,
        family: Family,
        latents: torch.Tensor,
        aside: Sequence[Collection[str]],
    ) -> list[int]:
        """Place of the concept that each picture shows most clearly; -1 where it shows none.

        Args:
            latents: z_0 as it is being drawn, ``[n, C, h, w]``.
            aside: concepts that are not looked for, of each picture.
        """
        seen = view(family, latents.float())
        return self.surest(family, latents, seen.clean, self.suspects(seen, aside))

    def surest(
        self, family: Family, latents: torch.Tensor, clean: torch.Tensor, suspects: Sequence[Suspect]
    ) -> list[int]:
        """Place of the concept that each picture shows most clearly, of those suspected; -1 where it shows none."""
        logits, evidence = self.told(family, latents, clean, suspects).unbind(1)
        found, best = [-1] * len(latents), [0.0] * len(latents)
        for each, score in zip(suspects, self.above(logits, evidence).tolist(), strict=True):
            if score > best[each.picture]:
                found[each.picture], best[each.picture] = each.concept, score
        return found

    def suspects(self, seen: View, aside: Sequence[Collection[str]]) -> list[Suspect]:
        """The surest of each picture, at most ``SUSPECTS``.

        Args:
            seen: the pictures as the base sees them.
            aside: concepts that are not looked for, of each picture.

        Raises:
            UnhypeError: latents that are not finite show nobody anything.
        """
        if not (seen.features.isfinite().all() and seen.clean.isfinite().all()):
            raise UnhypeError(
                "got latents that are not finite, wanted a picture to look at: draw in a higher precision, or with "
                "another scheduler"
            )
        logits = self.net(seen.features)
        for row, concepts in zip(logits, aside, strict=True):
            row[[self.concepts.index(concept) for concept in concepts if concept in self.concepts]] = -torch.inf
        most, which = logits.topk(min(SUSPECTS, len(self.concepts)), 1)
        return [
            Suspect(row, int(k), float(logit))
            for row, (own, places) in enumerate(zip(most, which, strict=True))
            for logit, k in zip(own, places, strict=True)
            if logit >= self.suspected
        ]

    def told(
        self, family: Family, latents: torch.Tensor, clean: torch.Tensor, suspects: Sequence[Suspect]
    ) -> torch.Tensor:
        """Logit and evidence of each suspicion, ``[suspects, 2]``.

        Args:
            latents: z_0 of the pictures.
            clean: what the base makes of them without words, see :class:`~unhype.monitor.features.View`.
        """
        found = torch.zeros(len(suspects), 2, dtype=torch.double)
        for start in range(0, len(suspects), AT_ONCE):
            part = suspects[start : start + AT_ONCE]
            pictures = sorted({each.picture for each in part})
            asked = [(pictures.index(each.picture), self.prompts[each.concept]) for each in part]
            shown, nobody = (each[pictures].to(family.device).float() for each in (latents, clean))
            found[start : start + AT_ONCE, 0] = torch.tensor([each.logit for each in part], dtype=torch.double)
            found[start : start + AT_ONCE, 1] = evidence(family, shown, nobody, asked).double().cpu()
        return found

    def above(self, logits: torch.Tensor, evidence: torch.Tensor) -> torch.Tensor:
        """By how much suspicions pass the bar, in nats: w_0 · logit + w_1 · V − bar."""
        first, second = self.weights
        return first * logits + second * evidence - self.bar

    def to(self, device: torch.device) -> Monitor:
        """A copy of its own, elsewhere."""
        return replace(self, net=copy.deepcopy(self.net).to(device), c=self.c.to(device))
