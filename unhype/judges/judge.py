"""Judges: who look at pictures and never see a prompt. Each says what it is, what it knows, and what it cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from unhype.concepts.folding import advice
from unhype.errors import UnhypeError

UNKNOWN = "unknown"
"""A person who is nobody in particular."""


@dataclass(frozen=True)
class Seen:
    """What a judge sees in one picture.

    Attributes:
        concepts: the people (by name, or "unknown"), things, styles or labels in it.
        face: whether there is a face; never, for a judge that looks for none.
        scores: how sure the judge is of each of the concepts, in 0…1; empty where it does not say.
    """

    concepts: tuple[str, ...]
    face: bool
    scores: tuple[float, ...] = ()


class Judge(Protocol):
    """A judge."""

    @property
    def name(self) -> str:
        """With its version or hash."""
        ...

    @property
    def known(self) -> frozenset[str]:
        """Concepts that it can tell. Of others it says nothing: that it doesn't name them means nothing."""
        ...

    @property
    def people(self) -> frozenset[str]:
        """Those of them that are people."""
        ...

    @property
    def vocabulary(self) -> Mapping[str, str]:
        """Words of a prompt → the known concept that they mean."""
        ...

    @property
    def threshold(self) -> float:
        """Score from which it says that something is there; 0 where the likeliest answer counts, however sure."""
        ...

    @property
    def cannot(self) -> str:
        """What it cannot tell, for whoever reads its scores."""
        ...

    def read(self, pixels: np.ndarray) -> list[Seen]:
        """Read ``uint8 [n, height, width, 3]``."""
        ...


@runtime_checkable
class Featured(Protocol):
    """What some judges can also do."""

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """What it makes of pictures before it names anything: unit vectors ``[n, f]``."""
        ...


class FaceFinder(Protocol):
    """Who finds faces, whoever they belong to."""

    @property
    def name(self) -> str:
        """With its version."""
        ...

    def faces(self, pixels: np.ndarray) -> list[bool]:
        """Whether each of ``uint8 [n, height, width, 3]`` has a face."""
        ...


def features_of(judge: object) -> Callable[[np.ndarray], np.ndarray] | None:
    """How a judge's features are had, pictures → ``[n, f]``; ``None`` where there is no judge, or it has none."""
    return judge.features if isinstance(judge, Featured) else None


def check_known(judge: Judge, concepts: Sequence[str], where: str) -> None:
    """Refuse concepts that the judge could never see: they would count as forgotten.

    Raises:
        UnhypeError: naming them.
    """
    unknown = [concept for concept in concepts if concept not in judge.known]
    if unknown:
        listed = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        raise UnhypeError(
            f"got {listed} in {where}, wanted concepts that the base knows and {judge.name} can tell: "
            + (advice(unknown[0], judge.known) or "take them out, or use another base")
        )
