"""The hypernetwork: (c, s) → the LoRA of every site. One shared trunk, and a learned basis of factors for each site.

    A = α·(A0 + s/S · Σ_k a_k(c, s)·A_k)        B = s/S · g(c) · Σ_k b_k(c, s)·B_k

A0 is constant and not zero, and B carries the factor s/S, so ΔW = BA is exactly zero at s = 0 while its gradient is not (UnHype, section 4.1).
g is the switch (:mod:`unhype.switch`), 1 where there is none. The authors' network has a head of its own for each site, which makes it hundreds of times as
large as what it emits; coefficients over a basis need only the basis.

Shapes: n prompts, d width of c, r rank, K basis size.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from unhype.lora import Factors, Site

OCTAVES = 6


@dataclass(frozen=True)
class HypernetConfig:
    """Shape of a hypernetwork.

    Attributes:
        rank: r of every adapter.
        alpha: scale α of A.
        steps: S, the unlearning steps from nothing to all.
        hidden: width of the trunk.
        basis: K, factors a site can combine.
    """

    rank: int = 4
    alpha: float = 1.0
    steps: int = 300
    hidden: int = 256
    basis: int = 16

    def __post_init__(self) -> None:
        if min(self.rank, self.steps, self.hidden, self.basis) < 1 or self.alpha <= 0:
            raise ValueError(f"got {self}, wanted rank, steps, hidden and basis ≥ 1 and alpha > 0")


class Emitter(nn.Module, ABC):
    """Whatever gives every prompt a LoRA, with S steps from nothing to all: the hypernetwork, and what it is compared with."""

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
        self.trunk = nn.Sequential(nn.Linear(width + 2 * OCTAVES, config.hidden), nn.SiLU(), nn.Linear(config.hidden, config.hidden), nn.SiLU())
        self.coefficients = nn.Linear(config.hidden, 2 * len(self.sites) * config.basis)
        r, K = config.rank, config.basis
        self.A0 = nn.ParameterList(nn.Parameter(torch.randn(r, site.inputs) / math.sqrt(site.inputs), requires_grad=False) for site in self.sites)
        self.A = nn.ParameterList(nn.Parameter(torch.randn(K, r, site.inputs) / math.sqrt(K * site.inputs)) for site in self.sites)
        self.B = nn.ParameterList(nn.Parameter(torch.randn(K, site.outputs, r) / math.sqrt(K * r)) for site in self.sites)
        with torch.no_grad():
            self.coefficients.weight.mul_(0.1)

    def forward(self, c: torch.Tensor, s: torch.Tensor, switch: torch.Tensor | None = None) -> dict[str, Factors]:
        """Factors of every site for ``c [n, d]`` at steps ``s [n]`` in 0…S, B scaled by ``switch [n]``."""
        share = (s.float() / self.config.steps)[:, None]
        hidden = self.trunk(torch.cat([F.layer_norm(c, c.shape[-1:]), _fourier(share)], dim=1))
        a, b = self.coefficients(hidden).view(len(c), 2, len(self.sites), self.config.basis).unbind(1)
        b = b * (share * (1 if switch is None else switch[:, None]))[:, None]
        a = a * share[:, None]
        factors = {}
        for k, site in enumerate(self.sites):
            A = self.config.alpha * (self.A0[k] + torch.einsum("nk,kri->nri", a[:, k], self.A[k]))
            factors[site.name] = Factors(A, torch.einsum("nk,kor->nor", b[:, k], self.B[k]))
        return factors

    @property
    def emitted(self) -> int:
        """How many numbers one LoRA has."""
        return sum(self.config.rank * (site.inputs + site.outputs) for site in self.sites)


def strength(factors: dict[str, Factors]) -> torch.Tensor:
    """‖ΔW‖ over all sites, ``[n]``: how strongly each prompt is changed. By the trace, so that ΔW is never built."""
    squares = [torch.einsum("nij,nji->n", f.B.transpose(1, 2) @ f.B, f.A @ f.A.transpose(1, 2)) for f in factors.values()]
    return torch.stack(squares).sum(0).clamp(min=0).sqrt()


def _fourier(share: torch.Tensor) -> torch.Tensor:
    """Sines and cosines of s/S ``[n, 1]`` over octaves, ``[n, 12]``. Of the share and not of s: integers alias."""
    angles = share * math.pi * 2.0 ** torch.arange(OCTAVES, device=share.device)
    return torch.cat([angles.sin(), angles.cos()], dim=1)
