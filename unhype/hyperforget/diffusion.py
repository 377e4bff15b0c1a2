"""Noise and its removal: 1,000 linear steps, the clean thing predicted, DDIM (Ho et al. 2020; Song et al. 2021).

x_t = √ᾱ_t · x_0 + √(1 − ᾱ_t) · ε,        ᾱ_t = Π_{i ≤ t} (1 − β_i),        β from 1e-4 to 0.02
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch

STEPS = 1000


def alpha_bar() -> torch.Tensor:
    """ᾱ of all steps ``[STEPS]``: the signal's share of the variance, falling from almost 1 to almost 0."""
    return torch.cumprod(1 - torch.linspace(1e-4, 0.02, STEPS, dtype=torch.float64), 0).float()


def noised(x0: torch.Tensor, t: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """x_t of each row ``[n, size]`` at its own t ``[n]``."""
    share = alpha_bar()[t, None]
    return share.sqrt() * x0 + (1 - share).sqrt() * noise


def denoised(denoise: Callable[[torch.Tensor, int], torch.Tensor], noise: torch.Tensor, steps: int) -> torch.Tensor:
    """DDIM without fresh noise (η = 0), in even steps, by x_t ``[n, size]`` and t → x_0; one step is a regression."""
    shares, x = alpha_bar(), noise
    times = torch.linspace(STEPS - 1, 0, steps + 1).round().long()[:-1].tolist()
    for t, following in pairwise(times):
        x0 = denoise(x, t)
        epsilon = (x - shares[t].sqrt() * x0) / (1 - shares[t]).sqrt()
        x = shares[following].sqrt() * x0 + (1 - shares[following]).sqrt() * epsilon
    return denoise(x, times[-1])
