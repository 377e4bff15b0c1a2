"""What every method is given, and how what it fitted is kept: safetensors and a JSON card beside it.

Both must be there and describe each other when they are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import torch
from safetensors.torch import load_file

from unhype.eraser import Eraser, Origin, identity
from unhype.erasing.material import Material
from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.files import sha256, write_tensors, write_text
from unhype.pictures.sampling import Sampling


@dataclass(frozen=True)
class Cost:
    """What a fitted method takes with it: numbers, and bytes on the disk."""

    parameters: int
    bytes: int


@dataclass(frozen=True)
class Case:
    """A base, a concept set and a seed: the same for all methods that are compared.

    Attributes:
        train, retain: the prompt tables that training may read.
        material: the same with latents of base pictures.
        folder: where fitted methods and checkpoints lie.
    """

    family: Family
    base_hash: str
    train: pd.DataFrame
    retain: pd.DataFrame
    material: Material
    how: Sampling
    seed: int
    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def concepts(self) -> dict[str, str]:
        """Forgotten concept → its anchor."""
        return dict(zip(self.train["concept"], self.train["anchor"], strict=True))

    @cached_property
    def retained(self) -> list[str]:
        """Retained concepts."""
        return list(self.retain["concept"].unique())

    def checkpoint(self, method: str) -> Path:
        """Where an interrupted fit goes on."""
        return self.folder / f"{method}-{self.seed}.training.safetensors"

    def spent(self, method: str) -> float:
        """Seconds that a fit has taken so far; 0 where it has not begun."""
        path = self.seconds(method)
        return float(path.read_text(encoding="utf-8")) if path.exists() else 0.0

    def seconds(self, method: str) -> Path:
        """Where it is kept how long a fit took, interruptions apart."""
        return self.folder / f"{method}-{self.seed}.seconds"

    def path(self, method: str) -> Path:
        """Where a fitted method lies."""
        return self.folder / f"{method}-{self.seed}.safetensors"

    def keep(self, method: str, tensors: dict[str, torch.Tensor], settings: object) -> None:
        """Write what a method fitted; the card comes last, so that a method with a card is whole."""
        path = self.path(method)
        card = path.with_suffix(".json")
        card.unlink(missing_ok=True)
        write_tensors(
            path, {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, {"format": "pt"}
        )
        parameters = sum(tensor.numel() for tensor in tensors.values())
        about = {
            "method": method,
            "seed": self.seed,
            "base_hash": self.base_hash,
            "settings": settings,
            "parameters": parameters,
            "bytes": path.stat().st_size,
        }
        write_text(card, json.dumps({**about, "sha256": sha256(path), **self.facts}, indent=2) + "\n")
        self.checkpoint(method).unlink(missing_ok=True)

    def fitted(self, method: str) -> dict[str, torch.Tensor]:
        """What a method fitted.

        Raises:
            UnhypeError: it is not there, damaged, or was fitted on another base.
        """
        path = self.path(method)
        card = self.card(method)
        if not path.exists() or sha256(path) != card["sha256"] or card["base_hash"] != self.base_hash:
            raise UnhypeError(
                f"got no {path} that its card describes and this base fits, wanted one: "
                f"delete {path.with_suffix('.json')} and compare again"
            )
        return load_file(path, device=str(self.family.device))

    def card(self, method: str) -> dict[str, Any]:
        """The card of a fitted method.

        Raises:
            UnhypeError: there is none.
        """
        path = self.path(method).with_suffix(".json")
        if not path.exists():
            raise UnhypeError(f"got no {path}, wanted {method} to be fitted first: unhype compare --methods {method}")
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return card

    def cost(self, method: str) -> Cost:
        """The size of a fitted method."""
        card = self.card(method)
        return Cost(card["parameters"], card["bytes"])

    def identity(self, method: str, *others: object) -> str:
        """Of a fitted method as an eraser."""
        return identity(self.family, self.base_hash, self.how, method, self.card(method)["sha256"], *others)


@dataclass(frozen=True)
class OfCase:
    """What every eraser of a case has: its name, its identity, and where its pictures come from."""

    name: str
    identity: str
    case: Case

    @property
    def origin(self) -> Origin:
        """The base, and what was fitted to it."""
        return Origin(self.case.base_hash, self.identity)


@dataclass(frozen=True)
class Step:
    """Where a fit stands."""

    step: int
    steps: int
    loss: float = float("nan")


class Fit(Protocol):
    """Something that is fitted and kept."""

    @property
    def fits(self) -> str:
        """Under which name its fitted tensors are kept; methods that differ in a gate alone share them."""
        ...

    def fit(self, case: Case) -> Iterator[Step]:
        """Fit it and keep the result; resumes, and does nothing where it is there."""
        ...


class Method(Fit, Protocol):
    """A way to erase."""

    @property
    def name(self) -> str:
        """In tables."""
        ...

    @property
    def needs(self) -> Sequence[Fit]:
        """What it builds on: that comes first, and its time is part of its own."""
        ...

    def eraser(self, case: Case) -> Eraser:
        """The fitted method, ready to draw."""
        ...

    def cost(self, case: Case) -> Cost:
        """Its size, once it is fitted."""
        ...


class Fitted:
    """What the rivals share: they build on no other fit, and their size is that of the file that was kept."""

    @property
    def needs(self) -> Sequence[Fit]:
        """Nothing."""
        return ()

    def cost(self: Method, case: Case) -> Cost:
        """Its size, once it is fitted."""
        return case.cost(self.fits)
