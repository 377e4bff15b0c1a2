"""Heads: from the trunk's features to the two factors of every site. The settings choose one by its name.

``through``   one edit for all sites that read the same thing, carried through each site's own frozen weights:
              ΔW = W0·V·A. Cross-attention's keys and values all read the same token states, so forgetting is one small
              change of the text as every layer sees it.
``basis``     coefficients over a learned basis of factors for each site.
``per_site``  a layer of its own for each site, as the authors build it: hundreds of times as large as what it emits.

Shapes: n prompts, h features, r rank, i inputs and o outputs of a site, K basis size.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import nn

from unhype.adapters.sites import Site, layer_at
from unhype.errors import UnhypeError

Pair = tuple[torch.Tensor, torch.Tensor]
"""left ``[n, r, i]`` and right ``[n, o, r]`` of one site."""


class Head(nn.Module, ABC):
    """Features → factors.

    Args:
        rank: r.
        sites: where they go.
        features: h.
        basis: K, for those that have one.
    """

    def __init__(self, rank: int, sites: Sequence[Site], features: int, basis: int) -> None:
        super().__init__()
        self.rank, self.sites, self.features, self.basis = rank, tuple(sites), features, basis

    @abstractmethod
    def forward(self, features: torch.Tensor) -> dict[str, Pair]:
        """``[n, h]`` → site → (left, right)."""

    def bind(self, model: nn.Module) -> None:
        """Show it the base whose weights it may read; they are never changed nor saved."""


class Basis(Head):
    """left = Σ_k a_k·A_k, right = Σ_k b_k·B_k."""

    def __init__(self, rank: int, sites: Sequence[Site], features: int, basis: int) -> None:
        super().__init__(rank, sites, features, basis)
        self.coefficients = _small(nn.Linear(features, 2 * len(sites) * basis))
        self.A = nn.ParameterList(
            nn.Parameter(torch.randn(basis, rank, site.inputs) / math.sqrt(basis * site.inputs)) for site in sites
        )
        self.B = nn.ParameterList(
            nn.Parameter(torch.randn(basis, site.outputs, rank) / math.sqrt(basis * rank)) for site in sites
        )

    def forward(self, features: torch.Tensor) -> dict[str, Pair]:
        a, b = self.coefficients(features).view(len(features), 2, len(self.sites), self.basis).unbind(1)
        return {
            site.name: (
                torch.einsum("nk,kri->nri", a[:, j], self.A[j]),
                torch.einsum("nk,kor->nor", b[:, j], self.B[j]),
            )
            for j, site in enumerate(self.sites)
        }


class PerSite(Head):
    """left and right from one linear layer a site."""

    def __init__(self, rank: int, sites: Sequence[Site], features: int, basis: int) -> None:
        super().__init__(rank, sites, features, basis)
        self.layers = nn.ModuleList(_small(nn.Linear(features, rank * (site.inputs + site.outputs))) for site in sites)

    def forward(self, features: torch.Tensor) -> dict[str, Pair]:
        found = {}
        for site, layer in zip(self.sites, self.layers, strict=True):
            left, right = layer(features).split([self.rank * site.inputs, self.rank * site.outputs], dim=1)
            found[site.name] = (left.unflatten(1, (self.rank, -1)), right.unflatten(1, (-1, self.rank)))
        return found


class Through(Head):
    """left = A and right = W0·V, with A and V emitted once for all sites that read the same thing at the same width."""

    def __init__(self, rank: int, sites: Sequence[Site], features: int, basis: int) -> None:
        super().__init__(rank, sites, features, basis)
        self.groups = sorted({(site.reads, site.inputs) for site in sites})
        self.layers = nn.ModuleList(_small(nn.Linear(features, 2 * rank * width)) for _, width in self.groups)
        self._weights: dict[str, torch.Tensor] = {}

    def bind(self, model: nn.Module) -> None:
        self._weights = {site.name: layer_at(model, site.name).weight for site in self.sites}

    def forward(self, features: torch.Tensor) -> dict[str, Pair]:
        if not self._weights:
            raise UnhypeError(
                "got a hypernetwork that knows no base, wanted one that reads its weights: call bind(denoiser) first"
            )
        pairs = {
            group: layer(features).unflatten(1, (2, self.rank, group[1])).unbind(1)
            for group, layer in zip(self.groups, self.layers, strict=True)
        }
        found = {}
        for site in self.sites:
            A, V = pairs[site.reads, site.inputs]
            W0 = self._weights[site.name].detach().to(V)
            found[site.name] = (A, torch.einsum("oi,nri->nor", W0, V))
        return found


HEADS: dict[str, type[Head]] = {"through": Through, "basis": Basis, "per_site": PerSite}


def _small(layer: nn.Linear) -> nn.Linear:
    """A head begins near nothing: the first steps must not throw pictures away."""
    with torch.no_grad():
        layer.weight.mul_(0.1)
    return layer
