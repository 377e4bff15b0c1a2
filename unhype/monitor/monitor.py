"""A fitted monitor: what of the forgotten does a picture show while it is being drawn?

A small net names suspects (:mod:`.net`), and the base is asked about them (:mod:`.witness`). Together they decide, and
the prompt's words with them, as far as they come nearer to the concept than a stranger's words come to anybody:

    w_0 · logit + w_1 · V + w_2 · max(0, near − usual) · borne out > bar

Words alone never suffice, and who says nothing near is judged by the picture: whoever searches for a way around the net
has to keep away from the name besides. Words are borne out where the name explains the picture about as well as they
do; strangers who share a part of a name are not taken for its owner (``BEHIND``).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.families.text import Text
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


BEHIND = (0.15, 0.25)
"""So far may a name be behind the prompt itself in explaining the picture (:mod:`.witness`): up to the first the words
count wholly, from the second on not at all."""


class Suspect(NamedTuple):
    """Somebody who may be in a picture: the picture's place, the concept's place, and how suspicious it is, in nats, to
    the net and by the words."""

    picture: int
    concept: int
    seen: float
    heard: float = 0.0

    @property
    def suspicion(self) -> float:
        """In all, if the words are borne out."""
        return self.seen + self.heard


@dataclass(frozen=True)
class Heard:
    """What the prompts of n pictures say.

    Attributes:
        near: how near their words come to each concept, ``[n, m]``.
        own: places of pictures → their prompts, as the denoiser reads them.
    """

    near: torch.Tensor
    own: Callable[[Sequence[int]], Text]


@dataclass(frozen=True)
class Monitor:
    """The second opinion of a guard.

    Attributes:
        net: one logit for each concept.
        concepts: m forgotten concepts.
        prompts: what the base is asked about each.
        c: what each concept's own LoRA is emitted from, ``[m, d]``.
        suspected: the least suspicion (w_0 and w_2) at which the base is asked about a concept.
        weights: w_0 of the logit, w_1 of the evidence, w_2 of the words.
        usual: how near a stranger's words come to the concept that they come nearest to.
        bar: what they must come to.
    """

    net: MonitorNet
    concepts: tuple[str, ...]
    prompts: tuple[str, ...]
    c: torch.Tensor
    suspected: float
    weights: tuple[float, float, float]
    usual: float
    bar: float

    def __post_init__(self) -> None:
        if len({len(self.concepts), len(self.prompts), len(self.c)}) > 1 or len(self.weights) != 3:
            raise ValueError(
                f"got {len(self.prompts)} prompts, {len(self.c)} vectors and {len(self.weights)} weights, wanted "
                f"{len(self.concepts)}, as many, and 3"
            )

    @torch.no_grad()
    def seen(
        self,
        family: Family,
        latents: torch.Tensor,
        aside: Sequence[Collection[str]],
        heard: Heard | None = None,
    ) -> list[int]:
        """Place of the concept that each picture shows most clearly; -1 where it shows none.

        Args:
            latents: z_0 as it is being drawn, ``[n, C, h, w]``.
            aside: concepts that are not looked for, of each picture.
            heard: what their prompts say; None where nobody read them.
        """
        seen = view(family, latents.float())
        suspects = self.suspects(seen, aside, heard.near if heard else None)
        return self.surest(family, latents, seen.clean, suspects, heard)

    def surest(
        self,
        family: Family,
        latents: torch.Tensor,
        clean: torch.Tensor,
        suspects: Sequence[Suspect],
        heard: Heard | None = None,
    ) -> list[int]:
        """Place of the concept that each picture shows most clearly, of those suspected; -1 where it shows none."""
        suspicions, evidence = self.told(family, latents, clean, suspects, heard).unbind(1)
        found, best = [-1] * len(latents), [0.0] * len(latents)
        for each, score in zip(suspects, self.above(suspicions, evidence).tolist(), strict=True):
            if score > best[each.picture]:
                found[each.picture], best[each.picture] = each.concept, score
        return found

    def hearing(self, near: torch.Tensor) -> torch.Tensor:
        """What words say of concepts, in nats, if they are borne out: w_2 · max(0, near − usual)."""
        return self.weights[2] * (near - self.usual).clamp(min=0)

    def suspects(self, seen: View, aside: Sequence[Collection[str]], near: torch.Tensor | None = None) -> list[Suspect]:
        """The most suspicious of each picture, at most ``SUSPECTS``.

        Args:
            seen: the pictures as the base sees them.
            aside: see :meth:`seen`.
            near: see :class:`Heard`.

        Raises:
            UnhypeError: latents that are not finite show nobody anything.
        """
        if not (seen.features.isfinite().all() and seen.clean.isfinite().all()):
            raise UnhypeError(
                "got latents that are not finite, wanted a picture to look at: draw in a higher precision, or with "
                "another scheduler"
            )
        logits = self.weights[0] * self.net(seen.features)
        heard = torch.zeros_like(logits) if near is None else self.hearing(near)
        suspicions = logits + heard
        for row, concepts in zip(suspicions, aside, strict=True):
            row[[self.concepts.index(concept) for concept in concepts if concept in self.concepts]] = -torch.inf
        most, which = suspicions.topk(min(SUSPECTS, len(self.concepts)), 1)
        return [
            Suspect(row, int(k), float(logits[row, k]), float(heard[row, k]))
            for row, (own, places) in enumerate(zip(most, which, strict=True))
            for suspicion, k in zip(own, places, strict=True)
            if suspicion >= self.suspected
        ]

    def told(
        self,
        family: Family,
        latents: torch.Tensor,
        clean: torch.Tensor,
        suspects: Sequence[Suspect],
        heard: Heard | None = None,
    ) -> torch.Tensor:
        """Suspicion, in nats, with words as far as they are borne out, and V of each suspect, ``[suspects, 2]``.

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
            own = heard.own(pictures) if heard and any(each.heard > 0 for each in part) else None
            said = evidence(family, shown, nobody, asked, own)
            seen, words = torch.tensor([(each.seen, each.heard) for each in part], dtype=torch.double).unbind(1)
            found[start : start + AT_ONCE, 0] = seen + words * borne_out(said.behind).double().cpu()
            found[start : start + AT_ONCE, 1] = said.told.double().cpu()
        return found

    def above(self, suspicions: torch.Tensor, evidence: torch.Tensor) -> torch.Tensor:
        """By how much suspects pass the bar, in nats: suspicion + w_1 · V − bar."""
        return suspicions + self.weights[1] * evidence - self.bar

    def to(self, device: torch.device) -> Monitor:
        """A copy of its own, elsewhere."""
        return replace(self, net=copy.deepcopy(self.net).to(device), c=self.c.to(device))


def borne_out(behind: torch.Tensor) -> torch.Tensor:
    """How far words count, 0…1, where the name is so far behind them (``BEHIND``)."""
    wholly, nothing = BEHIND
    return ((nothing - behind) / (nothing - wholly)).clamp(0, 1)
