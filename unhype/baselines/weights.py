"""Erasers that change the denoiser's own weights: put in while pictures are drawn, and taken out again to the bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from unhype.baselines.case import OfCase
from unhype.errors import UnhypeError


@contextmanager
def replaced(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> Iterator[nn.Module]:
    """A model with some other weights while the context is open.

    Raises:
        UnhypeError: a weight that the model does not have, or of another shape.
    """
    parameters = dict(model.named_parameters())
    for name, weight in weights.items():
        if name not in parameters or parameters[name].shape != weight.shape:
            there = tuple(parameters[name].shape) if name in parameters else "no such weight"
            raise UnhypeError(f"got {tuple(weight.shape)} for {name!r}, wanted {there}: was it fitted on another base?")
    originals = {name: parameters[name].data for name in weights}
    try:
        for name, weight in weights.items():
            parameters[name].data = weight.to(originals[name])
        yield model
    finally:
        for name, original in originals.items():
            parameters[name].data = original


@dataclass(frozen=True)
class Rewritten(OfCase):
    """An eraser: the pipeline with fitted weights in place of its own."""

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[np.ndarray]:
        family = self.case.family
        with replaced(family.bare_denoiser, self.case.fitted(self.name)):
            yield from family.draw(prompts, seeds, self.case.how)

    def untouched(self, prompts: Sequence[str]) -> np.ndarray:
        return np.zeros(len(prompts), dtype=bool)
