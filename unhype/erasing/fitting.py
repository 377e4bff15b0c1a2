"""The switch of a concept set on a base, fitted to every concept in the words that surround it in training templates.

A retained concept keeps the switch shut in its own neighbourhood. That must not be so where the base draws it *as* a
forgotten one, as it does with words that it never learnt: then it is forgotten with it. Whether it does is asked of the
base's predictions, and only for what lies where the switch opens:

    ‖ε*(z_T, T, c_r) − ε*(z_T, T, c)‖² < SAME · ‖ε*(z_T, T, c_m) − ε*(z_T, T, c)‖²

z_T is pure noise, and T near the last timestep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

import torch

from unhype.erasing.phrases import cutouts, reader
from unhype.erasing.switch import Switch, fit_switch
from unhype.families.family import Family
from unhype.prompts.templates import TRAINING

if TYPE_CHECKING:
    from unhype.concepts.schema import ConceptSet

SAME = 0.2
"""Share of the distance to the anchor below which two concepts are drawn as one: docs/experiments."""

NOISE_SHARE = 0.98
"""T, as a share of all timesteps."""

TEMPLATES_COMPARED = 12
"""Training templates in which two concepts are compared."""


NAMED = "a photo of {}"
"""A sentence in which a concept's own name is read."""


def fit_to_set(family: Family, concepts: ConceptSet, sentences: bool = True, canonical: bool = True) -> Switch:
    """The switch of a set.

    Args:
        sentences: whether phrases must be borne out by their sentences, where the set's kind knows how far.
        canonical: whether it holds the vectors of the concepts' own names for the hypernetwork to read.
    """
    switch = _protecting(family, concepts)
    if not sentences:
        switch = replace(switch, sure=0.0)
    return replace(switch, canonical=own_vectors(family, concepts, switch)) if canonical else switch


@torch.no_grad()
def own_vectors(family: Family, concepts: ConceptSet, switch: Switch | None) -> torch.Tensor:
    """c of each forgotten concept as the hypernetwork reads its own name in a sentence, ``[m, d]``."""
    said = [NAMED.format(concepts.sort.phrase(entry.concept)) for entry in concepts.forget]
    reading = reader(family.vectors, switch)(said)
    return reading.c[torch.arange(len(reading)), reading.opened.argmax(1)]


def _protecting(family: Family, concepts: ConceptSet) -> Switch:
    """The switch, shut around the retained concepts that the base does not draw as forgotten ones."""
    forget, retain = _grids(family, concepts)
    switch = _geometry(concepts, forget, retain)
    if not len(retain):
        return switch
    near, which = (switch.kept @ switch.centres.T).max(1)
    told = [
        float(near[i]) <= switch.threshold
        or not drawn_alike(family, concepts.sort.phrase(name), concepts.sort.phrase(entry.concept), entry.anchor)
        for i, (name, entry) in enumerate(zip(concepts.retain, (concepts.forget[int(k)] for k in which), strict=True))
    ]
    return replace(switch, kept=switch.kept[torch.tensor(told, device=switch.kept.device)])


def likeness(family: Family, concepts: ConceptSet) -> tuple[dict[tuple[str, str], float], float]:
    """How alike the base finds forgotten and retained concepts.

    Returns:
        (forgotten, retained) → cosine in the switch's geometry; and the cosine at which the switch opens.
    """
    if not concepts.retain:
        return {}, 1.0
    forget, kept = _grids(family, concepts)
    switch = _geometry(concepts, forget, kept)
    alike = switch.similarity(kept.flatten(0, 1)).view(*kept.shape[:2], -1).mean(1)
    pairs = {
        (forgotten, name): float(alike[i, k])
        for i, name in enumerate(concepts.retain)
        for k, forgotten in enumerate(switch.concepts)
    }
    return pairs, switch.threshold


def drawn_alike(family: Family, one: str, other: str, anchor: str) -> bool:
    """Whether the base draws ``one`` as it draws ``other``."""
    return distance(family, one, other, anchor) < SAME


@torch.no_grad()
def distance(family: Family, one: str, other: str, anchor: str) -> float:
    """How differently the base draws ``one`` and ``other``, in units of how differently ``anchor`` and ``other``."""
    frames = list(chain.from_iterable(TRAINING.values()))
    frames = frames[:: max(1, len(frames) // TEMPLATES_COMPARED)][:TEMPLATES_COMPARED]
    noise = torch.randn((len(frames), *family.latent_shape), generator=torch.Generator("cpu").manual_seed(0))
    noise, times = noise.to(family.device), family.time_at(NOISE_SHARE, len(frames))

    def predicted(text: str) -> torch.Tensor:
        return family.predict(noise, times, family.encode([frame.format(text) for frame in frames])).float()

    here = predicted(other)
    return float(((predicted(one) - here) ** 2).sum() / ((predicted(anchor) - here) ** 2).sum())


def _geometry(concepts: ConceptSet, forget: torch.Tensor, retain: torch.Tensor) -> Switch:
    """The switch before the base is asked what it draws: every retained concept is protected."""
    return fit_switch(
        [entry.concept for entry in concepts.forget], forget, retain, concepts.sort.opens, concepts.sort.sure
    )


def _grids(family: Family, concepts: ConceptSet) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors of the forgotten concepts and of the retained ones in every context, ``[concepts, contexts, d]`` each."""
    # Of a style the name alone is the phrase: "in the style of" is one of the contexts in which it is said.
    contexts = cutouts(template.format(concepts.sort.frame) for template in chain.from_iterable(TRAINING.values()))

    def grid(names: Sequence[str]) -> torch.Tensor:
        texts = [context.format(concepts.sort.spoken(name)) for name in names for context in contexts]
        return family.vectors(texts).view(len(names), len(contexts), family.width)

    return grid([entry.concept for entry in concepts.forget]), grid(concepts.retain)
