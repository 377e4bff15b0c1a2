"""Judges: who look at pictures and never see a prompt. Here the miniature's own; a judge for photographs has the same interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from unhype.errors import UnhypeError
from unhype.pixels import to_model_range


@dataclass(frozen=True)
class Seen:
    """What a judge sees in one picture.

    Attributes:
        concepts: the people (by name, or "unknown") and things in it.
        face: whether there is a face.
    """

    concepts: tuple[str, ...]
    face: bool


class Reader(Protocol):
    """A judge.

    Attributes:
        name: with its version or hash.
        known: concepts that it can tell.
    """

    name: str
    known: frozenset[str]

    def read(self, pixels: np.ndarray) -> list[Seen]:
        """Read ``uint8 [n, height, width, 3]``."""
        ...

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """What it makes of pictures before it names anything: unit vectors ``[n, f]``."""
        ...


UNKNOWN = "unknown"
"""A person who is nobody in particular."""


class MiniatureJudge:
    """mini-judge: reads attributes of mascots and things from pixels."""

    def __init__(self, folder: Path) -> None:
        from unhype.bases import content_hash
        from unhype.miniature.people import aliases, codes
        from unhype.miniature.shipping import load_judge
        from unhype.miniature.things import THINGS

        self.judge = load_judge(folder)
        self.name = f"mini-judge {content_hash(folder)[:12]}"
        self.known = frozenset([*codes(), *THINGS])
        words = {alias: name for name, alias in aliases().items()} | {word: thing for thing, synonyms in THINGS.items() for word in synonyms}
        self.vocabulary = words | {concept: concept for concept in self.known}

    def read(self, pixels: np.ndarray) -> list[Seen]:
        seen = []
        for start in range(0, len(pixels), 64):
            for verdict in self.judge.read(to_model_range(pixels[start : start + 64], torch.device("cpu"))):
                things = (verdict.thing,) if verdict.thing else ()
                seen.append(Seen((*verdict.names, *things), verdict.face))
        return seen

    @torch.no_grad()
    def features(self, pixels: np.ndarray) -> np.ndarray:
        parts = [self.judge.features(to_model_range(pixels[i : i + 64], torch.device("cpu"))) for i in range(0, len(pixels), 64)]
        found: np.ndarray = torch.nn.functional.normalize(torch.cat(parts).float(), dim=1).numpy()
        return found


def check_known(reader: Reader, concepts: Sequence[str], where: str) -> None:
    """Refuse concepts that the judge could never see: they would count as forgotten.

    Raises:
        UnhypeError: naming them.
    """
    unknown = [concept for concept in concepts if concept not in reader.known]
    if unknown:
        listed = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        raise UnhypeError(f"got {listed} in {where}, wanted concepts that the base knows and {reader.name} can tell: take them out, or use another base")
