"""Which concepts a prompt has to do with, told by its words and by CLIP, without training."""

from __future__ import annotations

import re

import torch

from unhype.baselines.adapters import vectors
from unhype.baselines.case import Case
from unhype.errors import UnhypeError


def said(prompts: list[str], concepts: list[str]) -> torch.Tensor:
    """The share of each concept's words that each prompt says, ``[n, m]``."""
    words = [set(_words(concept)) for concept in concepts]
    return torch.tensor(
        [[len(concept & set(_words(prompt))) / len(concept) for concept in words] for prompt in prompts]
    )


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def likeness(case: Case, prompts: list[str], centres: torch.Tensor) -> torch.Tensor:
    """Cosine of each prompt's vector to each centre ``[m, d]``, ``[n, m]``."""
    return vectors(case, prompts) @ centres.T


def half_way(case: Case, centres: torch.Tensor) -> float:
    """The likeness to the nearest centre that lies half way between retained and forgotten training prompts.

    Raises:
        UnhypeError: nothing is retained.
    """
    if case.retain.empty:
        raise UnhypeError(
            "got no retained prompts, wanted some: the threshold lies between them and the forgotten ones"
        )
    forgotten, retained = (
        likeness(case, list(table["prompt"][::7]), centres).amax(1).median() for table in (case.train, case.retain)
    )
    return float(forgotten + retained) / 2
