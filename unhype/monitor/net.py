"""The net that looks: a few convolutions over what the base makes of a picture (:mod:`.features`).

Each place of the picture says for itself whom it shows; the picture shows whom any of its places does (a soft maximum).
So somebody in a corner counts as much as somebody who fills the picture.

Shapes: n pictures, F channels of features, a × b places, m names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

GROUPS = 8

RARE = -7.0
"""The logit of each name before anything is learnt: hardly anybody is in a picture."""


@dataclass(frozen=True)
class NetConfig:
    """Shape of a net.

    Attributes:
        width: channels of its blocks.
    """

    width: int = 96

    def __post_init__(self) -> None:
        if self.width < GROUPS or self.width % GROUPS:
            raise ValueError(f"got a width of {self.width}, wanted a multiple of {GROUPS}")


class MonitorNet(nn.Module):
    """Features → for each name how surely it is in the picture (a logit)."""

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, config: NetConfig, channels: int, names: int) -> None:
        super().__init__()
        self.config, width = config, config.width
        self.stem = nn.Conv2d(channels, width, 1)
        self.blocks = nn.Sequential(_Block(width, 1), _Block(width, 2))
        self.head = nn.Conv2d(width, names, 1)
        bias: Any = self.head.bias
        nn.init.constant_(bias, RARE)
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("spread", torch.ones(channels))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """``[n, F, a, b]`` → logits ``[n, m]``."""
        mean, spread = (part.view(1, -1, 1, 1) for part in (self.mean, self.spread))
        logits: torch.Tensor = self.head(self.blocks(self.stem((features - mean) / spread)))
        return logits.flatten(2).logsumexp(2)

    def keep(self, names: int) -> None:
        """Cut the logits behind the first ``names`` off."""
        first = {name: tensor[:names] for name, tensor in self.head.state_dict().items()}
        self.head = nn.Conv2d(self.head.in_channels, names, 1).to(self.mean.device)
        self.head.load_state_dict(first)

    def fit_scale(self, features: torch.Tensor) -> None:
        """Take mean and spread of each channel from features ``[n, F, a, b]``."""
        spread, mean = torch.std_mean(features.float(), (0, 2, 3))
        self.mean.copy_(mean)
        self.spread.copy_(spread.clamp(min=1e-3))


class _Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, stride, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.norms = nn.ModuleList([nn.GroupNorm(GROUPS, width) for _ in range(2)])
        self.short: Any = nn.Conv2d(width, width, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = F.silu(self.norms[0](self.first(x)))
        return F.silu(self.norms[1](self.second(hidden)) + self.short(x))
