"""The net that looks: a few convolutions over z_0 as the denoiser predicts it on the way, told how far the way is.

Each place of the picture says for itself whom it shows; the picture shows whom any of its places does (a soft maximum).
So somebody in a corner counts as much as somebody who fills the picture.

Shapes: n pictures, C channels of latents, h × w latents, m names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

FREQUENCIES = (0.5, 1.0, 2.0, 3.0)
"""Of the sines and cosines by which the net is told how far the way is; higher ones would tell the steps of a sampler
apart, and the net would know nothing in between."""

GROUPS = 8

RARE = -7.0
"""The logit of each name before anything is learnt: hardly anybody is in a picture."""


@dataclass(frozen=True)
class NetConfig:
    """Shape of a net.

    Attributes:
        width: channels of the first block; the second half of the net has twice, the last block four times as many.
    """

    width: int = 48

    def __post_init__(self) -> None:
        if self.width < GROUPS or self.width % GROUPS:
            raise ValueError(f"got a width of {self.width}, wanted a multiple of {GROUPS}")


class MonitorNet(nn.Module):
    """z_0 → for each name how surely it is in the picture (a logit)."""

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, config: NetConfig, channels: int, names: int) -> None:
        super().__init__()
        self.config, width = config, config.width
        self.stem = nn.Conv2d(channels, width, 3, padding=1)
        sizes = [(width, width, 1), (width, 2 * width, 2), (2 * width, 2 * width, 1), (2 * width, 4 * width, 2)]
        self.blocks = nn.ModuleList([_Block(*size) for size in sizes])
        self.head = nn.Conv2d(4 * width, names, 1)
        bias: Any = self.head.bias
        nn.init.constant_(bias, RARE)
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("spread", torch.ones(channels))

    def forward(self, latents: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
        """Logits.

        Args:
            latents: ``[n, C, h, w]``.
            share: how far into the noise each was seen, ``[n]`` in 0 … 1.

        Returns:
            ``[n, m]``.
        """
        mean, spread = (part.view(1, -1, 1, 1) for part in (self.mean, self.spread))
        hidden = self.stem((latents - mean) / spread)
        waves = share[:, None] * torch.tensor(FREQUENCIES, device=share.device)
        told = torch.cat([waves.sin(), waves.cos()], 1)
        for block in self.blocks:
            hidden = block(hidden, told)
        logits: torch.Tensor = self.head(hidden)
        return logits.flatten(2).logsumexp(2)

    def keep(self, names: int) -> None:
        """Cut the logits behind the first ``names`` off."""
        first = {name: tensor[:names] for name, tensor in self.head.state_dict().items()}
        self.head = nn.Conv2d(self.head.in_channels, names, 1).to(self.mean.device)
        self.head.load_state_dict(first)

    def fit_scale(self, latents: torch.Tensor) -> None:
        """Take mean and spread of each channel from latents ``[n, C, h, w]``."""
        self.mean.copy_(latents.mean((0, 2, 3)))
        self.spread.copy_(latents.std((0, 2, 3)).clamp(min=1e-6))


class _Block(nn.Module):
    """Two convolutions beside a shortcut; the share scales and shifts the first's (FiLM, Perez et al. 2018)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norms = nn.ModuleList([nn.GroupNorm(GROUPS, outputs) for _ in range(2)])
        self.told = nn.Linear(2 * len(FREQUENCIES), 2 * outputs)
        self.short: Any = nn.Conv2d(inputs, outputs, 1, stride) if (inputs, stride) != (outputs, 1) else nn.Identity()

    def forward(self, x: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        scale, shift = self.told(told)[..., None, None].chunk(2, 1)
        hidden = F.silu(self.norms[0](self.first(x)) * (1 + scale) + shift)
        return F.silu(self.norms[1](self.second(hidden)) + self.short(x))
