"""UCE (Gandikota et al. 2024): the keys and values of cross-attention, rewritten in closed form.

    W = argmin  Σ_e ‖W c_e − W0 c*_e‖²  +  Σ_p ‖W c_p − W0 c_p‖²  +  λ‖W − W0‖²
      = W0 (Σ c*_e c_eᵀ + Σ c_p c_pᵀ + λI) (Σ c_e c_eᵀ + Σ c_p c_pᵀ + λI)⁻¹

c_e are token states of forgotten concepts, c*_e those of their anchors, c_p those of what is kept. A concept of several
tokens is edited at its last token and at all that follow. Each is paired with the token as far behind the anchor's
last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from unhype.adapters.sites import layer_at
from unhype.baselines.case import Case, Fitted, Step
from unhype.baselines.weights import Rewritten


@dataclass(frozen=True)
class Uce(Fitted):
    """Attributes:
    weight: λ, the pull to the weights as they are, per forgotten concept.
    keep: weight of what is kept against what is edited.
    """

    weight: float = 0.1
    keep: float = 1.0
    name: str = "uce"
    fits: str = "uce"

    def fit(self, case: Case) -> Iterator[Step]:
        if case.path(self.name).with_suffix(".json").exists():
            return
        family = case.family
        layers = family.text_layers
        edited, targets = paired_states(case)
        kept = family.encode(case.retained).states.flatten(0, 1) if case.retained else edited[:0]
        kept = torch.cat([kept, family.encode([""]).states.flatten(0, 1)])
        weights = {}
        for k, site in enumerate(layers):
            original = layer_at(family.denoiser, site.name).weight
            weights[f"{site.name}.weight"] = rewrite(
                original, edited, targets, kept, self.weight * len(case.concepts), self.keep
            ).to(original.dtype)
            yield Step(k + 1, len(layers))
        case.keep(self.name, weights, {"weight": self.weight, "keep": self.keep})

    def eraser(self, case: Case) -> Rewritten:
        return Rewritten(self.name, case.identity(self.fits), case)


def rewrite(
    W0: torch.Tensor, edited: torch.Tensor, targets: torch.Tensor, kept: torch.Tensor, weight: float, keep: float = 1.0
) -> torch.Tensor:
    """The closed form above.

    Args:
        W0: ``[o, i]``.
        edited, targets: c_e and c*_e, ``[n, i]``.
        kept: c_p, ``[k, i]``.
        weight: λ.
        keep: how much each c_p counts.
    """
    W0, C, T, P = (tensor.double() for tensor in (W0, edited, targets, kept))
    common = keep * P.T @ P + weight * torch.eye(W0.shape[1], dtype=torch.float64, device=W0.device)
    left = W0 @ (T.T @ C + common)
    return torch.linalg.solve(C.T @ C + common, left, left=False)


def paired_states(case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    """c_e and c*_e, row by row ``[n, d]``."""
    family, pairs = case.family, []
    for concept, anchor in case.concepts.items():
        both = family.encode([concept, anchor]).states
        first, second = family.last_token(concept), family.last_token(anchor)
        length = both.shape[1] - max(first, second)
        pairs.append((both[0, first : first + length], both[1, second : second + length]))
    return torch.cat([a for a, _ in pairs]), torch.cat([b for _, b in pairs])
