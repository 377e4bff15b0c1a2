"""The path of a sampler from noise to latents, step by step, for who looks at it on the way."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch


class Trajectory(ABC):
    """From noise to latents: ``start``, then one ``step`` for each of ``times``.

    Attributes:
        times: of the steps, as :meth:`unhype.families.family.Family.predict` takes them, ``[steps]``.
    """

    times: torch.Tensor

    @abstractmethod
    def start(self, noise: torch.Tensor) -> torch.Tensor:
        """z at the first time, from unit noise ``[n, C, h, w]``."""

    def seen(self, latents: torch.Tensor, index: int) -> torch.Tensor:
        """z as the denoiser sees it at this time: some samplers scale it."""
        return latents

    @abstractmethod
    def step(self, prediction: torch.Tensor, index: int, latents: torch.Tensor) -> torch.Tensor:
        """z at the next time."""
