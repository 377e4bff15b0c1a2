"""UCE (Gandikota et al. 2024): the layers that words enter by, rewritten in closed form: keys and values of
cross-attention; in Flux ``context_embedder``, and ``linear_1`` of the pooled route, as the authors' code has it.

    W = argmin  Σ_e ‖W c_e − W0 c*_e‖²  +  Σ_p ‖W c_p − W0 c_p‖²  +  λ‖W − W0‖²
      = W0 (Σ c*_e c_eᵀ + Σ c_p c_pᵀ + λI) (Σ c_e c_eᵀ + Σ c_p c_pᵀ + λI)⁻¹

c_e are states of forgotten concepts, c*_e those of their anchors, c_p those of what is kept. A concept of several
tokens is edited at every token that has read all of it, and at all that follow: with CLIP from its last on, with T5,
which reads both ways, from its first. Each is paired with the token as far from the anchor's last, or with its first.
The pooled route has one vector a text; it is rewritten where a layer reads nothing beside it.
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
        family, weight = case.family, self.weight * len(case.concepts)
        words, kept = paired_states(case), family.encode([*case.retained, ""])
        routes = [(site, *words, kept.states.flatten(0, 1)) for site in family.text_layers]
        if kept.pooled is not None:
            sides = [family.encode(list(side)).pooled for side in (case.concepts, case.concepts.values())]
            alone = [site for site in family.pooled_layers if site.inputs == kept.pooled.shape[1]]
            routes += [(site, *sides, kept.pooled) for site in alone]
        weights = {}
        for k, (site, edited, targets, same) in enumerate(routes):
            original = layer_at(family.denoiser, site.name).weight
            found = rewrite(original, edited, targets, same, weight, self.keep)
            weights[f"{site.name}.weight"] = found.to(original.dtype)
            yield Step(k + 1, len(routes))
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
        start, last, other = family.whole_from(concept), family.last_token(concept), family.last_token(anchor)
        end = both.shape[1] - max(0, other - last)
        places = torch.arange(start, end)
        partners = (places - last + other).clamp(min=family.whole_from(anchor))
        pairs.append((both[0, places], both[1, partners]))
    return torch.cat([a for a, _ in pairs]), torch.cat([b for _, b in pairs])
