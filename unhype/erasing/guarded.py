"""A guard as an eraser: the base under guard, by the interface that evaluation knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from unhype.eraser import identity
from unhype.families.stable_diffusion import StableDiffusion
from unhype.pictures.sampling import Sampling, sample

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline

    from unhype.erasing.guard import Guard


class Guarded:
    """The base under guard."""

    name = "unhype"

    def __init__(self, pipeline: StableDiffusionPipeline, guard: Guard, how: Sampling) -> None:
        self.pipeline, self.guard, self.how = pipeline, guard, how
        concepts = list(guard.switch.concepts) if guard.switch else None
        self.identity = identity(
            guard.trained.facts["base_hash"], how, guard.trained.facts["sha256"], guard.share, concepts
        )

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[np.ndarray]:
        with self.guard.attached(self.pipeline):
            yield from sample(self.pipeline, prompts, seeds, self.how)

    def untouched(self, prompts: Sequence[str]) -> np.ndarray:
        return self.guard.read(StableDiffusion(self.pipeline), prompts).untouched.cpu().numpy()
