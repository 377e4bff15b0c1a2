"""The times of flow matching: how a sampler shifts its steps, and how training draws times.

    σ = a·u / (1 + (a − 1)·u)        u in 0 … 1, the sampler's even steps

Source: Esser et al. 2024 (Stable Diffusion 3): the shift is equation 23, the logit-normal law equation 19. In
Flux.1-dev a = e^μ, and μ is linear in the number of latent tokens (diffusers' ``calculate_shift``), below 256 too.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from unhype.families.trajectory import Trajectory

LAWS = ("uniform", "logit_normal")
"""How u is distributed in training: as the sampler's steps are, or with most weight in the middle."""


def mu_of(scheduler: Any, tokens: int) -> float:
    """μ for so many latent tokens."""
    config = scheduler.config
    first, last = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    low, high = config.get("base_shift", 0.5), config.get("max_shift", 1.15)
    return float(low + (high - low) * (tokens - first) / (last - first))


def shift_of(scheduler: Any, tokens: int) -> float:
    """a for so many latent tokens; 1 shifts nothing."""
    if not scheduler.config.get("use_dynamic_shifting"):
        return float(scheduler.shift)
    mu = mu_of(scheduler, tokens)
    return mu if scheduler.config.get("time_shift_type") == "linear" else math.exp(mu)


def shifted(u: np.ndarray, a: float) -> np.ndarray:
    """u → σ."""
    return a * u / (1 + (a - 1) * u)


def unshifted(sigma: float, a: float) -> float:
    """σ → u."""
    return sigma / (a - (a - 1) * sigma)


def drawn(n: int, rng: np.random.Generator, a: float, earliest: float, law: str) -> torch.Tensor:
    """n random σ, float32: those of a law of u that are not below ``earliest``."""
    least = unshifted(earliest, a)
    if law == "uniform":
        u = rng.uniform(least, 1.0, size=n)
    else:  # u = logistic of a normal; by its quantiles, so that what is left of the law keeps its shape
        normal = torch.special.ndtr(torch.logit(torch.tensor(least, dtype=torch.float64)))
        quantiles = torch.from_numpy(rng.uniform(float(normal), 1.0, size=n))
        u = torch.sigmoid(torch.special.ndtri(quantiles)).numpy()
    return torch.from_numpy(shifted(u, a)).float()


class Flow(Trajectory):
    """Euler's steps along the velocity."""

    def __init__(self, scheduler: Any, steps: int, tokens: int, device: torch.device) -> None:
        self.scheduler = type(scheduler).from_config(scheduler.config)
        shift = {"mu": mu_of(scheduler, tokens)} if scheduler.config.get("use_dynamic_shifting") else {}
        self.scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps), device=device, **shift)
        self.times = self.scheduler.timesteps / self.scheduler.config.num_train_timesteps

    def start(self, noise: torch.Tensor) -> torch.Tensor:
        return noise

    def step(self, prediction: torch.Tensor, index: int, latents: torch.Tensor) -> torch.Tensor:
        following: torch.Tensor = self.scheduler.step(prediction, self.scheduler.timesteps[index], latents).prev_sample
        return following
