"""Sampling from a pipeline: picture ``i`` depends on seed ``i`` and prompt ``i`` alone, not on its batch.

Every picture has its own generator on the CPU, so the same seed gives the same noise on every device.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from unhype.pictures.pixels import to_pixels


@dataclass(frozen=True)
class Sampling:
    """How pictures are drawn.

    Attributes:
        steps: of the pipeline's own sampler.
        guidance: classifier-free guidance scale (Ho & Salimans 2022), which 1 turns off; a distilled base is told it.
        batch: pictures at a time.
        size: width and height in pixels; the base's own where it is left out.
    """

    steps: int = 20
    guidance: float = 4.0
    batch: int = 16
    size: int | None = None

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1 or self.guidance < 1:
            raise ValueError(f"got {self}, wanted steps ≥ 1, batch ≥ 1 and guidance ≥ 1")
        if self.size is not None and (self.size < 8 or self.size % 8):
            raise ValueError(f"got a size of {self.size} pixels, wanted a multiple of 8")


def sample(
    pipeline: Any, prompts: Sequence[str], seeds: Sequence[int], how: Sampling, **options: Any
) -> Iterator[np.ndarray]:
    """Draw one picture for each (prompt, seed); yields batches ``uint8 [n, height, width, 3]`` in order.

    Args:
        options: what else a call of this pipeline is told.
    """
    for start in range(0, len(prompts), how.batch):
        part = slice(start, start + how.batch)
        generators = [torch.Generator("cpu").manual_seed(int(seed)) for seed in seeds[part]]
        result = pipeline(
            list(prompts[part]),
            num_inference_steps=how.steps,
            guidance_scale=how.guidance,
            generator=generators,
            output_type="pt",
            **options,
        )
        yield to_pixels(result.images * 2 - 1)
