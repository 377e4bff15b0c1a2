"""The hypernetwork: (c, s) → the LoRA of every site.

One shared trunk, and a head that turns its features into factors (:mod:`unhype.erasing.heads`):

    A = α·(A0 + s/S · left(c, s))        B = s/S · g(c) · right(c, s)

A0 is constant and not zero, and B carries the factor s/S: so ΔW = BA is exactly zero at s = 0, while its gradient is
not (UnHype, section 4.1).
g is the switch (:mod:`unhype.erasing.switch`), 1 where there is none.

Shapes: n prompts, d width of c, r rank.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from unhype.adapters.lora import Factors
from unhype.adapters.sites import Site
from unhype.erasing.heads import HEADS

OCTAVES = 6

A0_LENGTH = 0.1
"""Length of A0's rows: enough for a gradient at s = 0, and little enough that A is mostly what was learnt."""


@dataclass(frozen=True)
class HypernetConfig:
    """Shape of a hypernetwork.

    Attributes:
        rank: r of every adapter.
        alpha: scale α of A.
        steps: S, the unlearning steps from nothing to all.
        hidden: width of the trunk.
        head: ``through``, ``basis`` or ``per_site``.
        basis: factors that a site can combine, for the head of that name.
    """

    rank: int = 16
    alpha: float = 1.0
    steps: int = 300
    hidden: int = 160
    head: str = "through"
    basis: int = 16

    def __post_init__(self) -> None:
        if min(self.rank, self.steps, self.hidden, self.basis) < 1 or self.alpha <= 0 or self.head not in HEADS:
            raise ValueError(
                f"got {self}, wanted rank, steps, hidden and basis ≥ 1, alpha > 0 and a head of {', '.join(HEADS)}"
            )


class Emitter(nn.Module, ABC):
    """Whatever gives every prompt a LoRA in S steps: the hypernetwork, and what it is compared with."""

    def __init__(self, config: HypernetConfig, sites: Sequence[Site]) -> None:
        super().__init__()
        if not sites:
            raise ValueError("got no sites, wanted at least one layer to adapt")
        self.config, self.sites = config, tuple(sites)

    @abstractmethod
    def forward(self, c: torch.Tensor, s: torch.Tensor, switch: torch.Tensor | None = None) -> dict[str, Factors]:
        """Factors of every site for ``c [n, d]`` at steps ``s [n]`` in 0…S, B scaled by ``switch [n]``."""


class Hypernet(Emitter):
    """H(c, s)."""

    def __init__(self, config: HypernetConfig, sites: Sequence[Site], width: int) -> None:
        super().__init__(config, sites)
        self.width = width
        self.trunk = nn.Sequential(
            nn.Linear(width + 2 * OCTAVES, config.hidden), nn.SiLU(), nn.Linear(config.hidden, config.hidden), nn.SiLU()
        )
        self.head = HEADS[config.head](config.rank, self.sites, config.hidden, config.basis)
        starts = (A0_LENGTH * torch.randn(config.rank, site.inputs) / math.sqrt(site.inputs) for site in self.sites)
        self.A0 = nn.ParameterList(nn.Parameter(start, requires_grad=False) for start in starts)

    def bind(self, model: nn.Module) -> Hypernet:
        """Show it the model that it adapts, whose weights some heads read."""
        self.head.bind(model)
        return self

    def forward(self, c: torch.Tensor, s: torch.Tensor, switch: torch.Tensor | None = None) -> dict[str, Factors]:
        """Factors of every site for ``c [n, d]`` at steps ``s [n]`` in 0…S, B scaled by ``switch [n]``."""
        share = (s.float() / self.config.steps)[:, None]
        features = self.trunk(torch.cat([F.layer_norm(c, c.shape[-1:]), _fourier(share)], dim=1))
        opened = share * (1 if switch is None else switch[:, None])
        factors = {}
        for A0, (name, (left, right)) in zip(self.A0, self.head(features).items(), strict=True):
            factors[name] = Factors(self.config.alpha * (A0 + share[..., None] * left), opened[..., None] * right)
        return factors

    @property
    def emitted(self) -> int:
        """How many numbers one LoRA has."""
        return sum(self.config.rank * (site.inputs + site.outputs) for site in self.sites)


def strength(factors: dict[str, Factors]) -> torch.Tensor:
    """‖ΔW‖ over all sites, ``[n]``: how strongly each prompt is changed. By the trace, so that ΔW is never built."""
    squares = [
        torch.einsum("nij,nji->n", f.B.transpose(1, 2) @ f.B, f.A @ f.A.transpose(1, 2)) for f in factors.values()
    ]
    return torch.stack(squares).sum(0).clamp(min=0).sqrt()


def _fourier(share: torch.Tensor) -> torch.Tensor:
    """Sines and cosines of s/S ``[n, 1]`` over octaves, ``[n, 12]``. Of the share and not of s: integers alias."""
    angles = share * math.pi * 2.0 ** torch.arange(OCTAVES, device=share.device)
    return torch.cat([angles.sin(), angles.cos()], dim=1)
