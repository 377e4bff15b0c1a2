"""The interface that evaluation knows: prompts and seeds in, pictures out, whatever method lies behind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
import torch

from unhype.families.family import Family
from unhype.pictures.sampling import Sampling


@dataclass(frozen=True)
class Origin:
    """What drew a picture, for manifests.

    Attributes:
        base: hash of the base.
        guard: hash of the guard, or of what another method fitted; empty for the bare base.
    """

    base: str
    guard: str = ""


class Eraser(Protocol):
    """Something that draws."""

    @property
    def name(self) -> str:
        """Of the method, for tables."""
        ...

    @property
    def identity(self) -> str:
        """A hash of everything that shapes a picture besides its prompt and seed."""
        ...

    @property
    def origin(self) -> Origin:
        """The base and the guard behind it."""
        ...

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[np.ndarray]:
        """One picture for each (prompt, seed), in batches ``uint8 [n, height, width, 3]`` in order."""
        ...

    def untouched(self, prompts: Sequence[str]) -> np.ndarray:
        """Which prompts it draws as the base itself does, to the bit: ``bool [n]``. False where it can't tell."""
        ...


class Nothing:
    """The base as it is: the floor and the ceiling of every score."""

    name = "none"

    def __init__(self, family: Family, base_hash: str, how: Sampling) -> None:
        self.family, self.how = family, how
        self.identity, self.origin = identity(family, base_hash, how), Origin(base_hash)

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[np.ndarray]:
        return self.family.draw(prompts, seeds, self.how)

    def untouched(self, prompts: Sequence[str]) -> np.ndarray:
        return np.ones(len(prompts), dtype=bool)


def identity(family: Family, base_hash: str, how: Sampling, *others: object) -> str:
    """A hash of what shapes pictures: the base and its precision do, the batch size does not."""
    settings = {key: value for key, value in asdict(how).items() if key != "batch" and value is not None}
    if family.dtype != torch.float32:
        settings["dtype"] = str(family.dtype)
    return hashlib.sha256(json.dumps([base_hash, settings, *others]).encode()).hexdigest()
