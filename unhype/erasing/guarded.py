"""A guard as an eraser: the base under guard, by the interface that evaluation knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from unhype.eraser import Origin, identity
from unhype.families.family import Family
from unhype.pictures.sampling import Sampling

if TYPE_CHECKING:
    from unhype.erasing.guard import Guard


class Guarded:
    """The base under guard."""

    name = "unhype"

    def __init__(self, family: Family, guard: Guard, how: Sampling, derived: bool = False) -> None:
        """Args as the attributes; ``derived`` accepts a relative of the guard's base."""
        self.family, self.guard, self.how, self.derived = family, guard, how, derived
        concepts = list(guard.switch.concepts) if guard.switch else None
        facts = guard.trained.facts
        ways = ["unmonitored"] * bool(guard.trained.monitor and not guard.monitor) + ["inversions"] * guard.inversions
        self.identity = identity(family, facts["base_hash"], how, facts["sha256"], guard.share, concepts, *ways)
        self.origin = Origin(facts["base_hash"], facts["sha256"])

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[np.ndarray]:
        with self.guard.attached(self.family.pipeline, self.derived, self.family):
            yield from self.family.draw(prompts, seeds, self.how)

    def untouched(self, prompts: Sequence[str]) -> np.ndarray:
        if self.guard.monitor:  # it may begin again whatever a prompt says
            return np.zeros(len(prompts), dtype=bool)
        return self.guard.read(self.family, prompts).untouched.cpu().numpy()
