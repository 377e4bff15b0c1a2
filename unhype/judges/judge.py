"""Judges: who look at pictures and never see a prompt.

Here the miniature's own; a judge for photographs has the same interface.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from unhype.concepts.folding import advice
from unhype.errors import UnhypeError


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


def check_known(reader: Reader, concepts: Sequence[str], where: str) -> None:
    """Refuse concepts that the judge could never see: they would count as forgotten.

    Raises:
        UnhypeError: naming them.
    """
    unknown = [concept for concept in concepts if concept not in reader.known]
    if unknown:
        listed = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        raise UnhypeError(
            f"got {listed} in {where}, wanted concepts that the base knows and {reader.name} can tell: "
            + (advice(unknown[0], reader.known) or "take them out, or use another base")
        )
