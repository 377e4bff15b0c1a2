"""After MACE (Lu et al. 2024): a LoRA for each concept, fused into one set of weights in closed form.

    W = argmin  Σ_i ‖W c_i − (W0 + ΔW_i) c_i‖²  +  Σ_p ‖W c_p − W0 c_p‖²  +  λ‖W − W0‖²

c_i are states of concept i's prompts, ΔW_i its LoRA, and c_p states of what is kept: of tokens, and on the pooled
route, where LoRAs lie on a layer that reads that vector alone, of whole prompts. This is the paper's fusion and not the
whole paper: there the LoRAs are trained by masking attention maps with a segmentation model, here on UnHype's target.
The closed form wants layers that read the text as it is: on LoRAs inside Flux's blocks it is not defined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from unhype.adapters.sites import Site, layer_at
from unhype.baselines.adapters import BANK, BankFit, by_site
from unhype.baselines.case import Case, Fit, Fitted, Step
from unhype.baselines.weights import Rewritten
from unhype.erasing.trainer import TrainingSettings
from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.families.text import Text


@dataclass(frozen=True)
class MaceLike(Fitted):
    """Attributes:
    weight: λ, per forgotten concept.
    templates: prompts of each concept whose states are fused.
    """

    settings: TrainingSettings = field(default_factory=TrainingSettings)
    rank: int = 1
    weight: float = 0.1
    templates: int = 4
    name: str = "mace_like"
    fits: str = "mace_like"

    @property
    def needs(self) -> Sequence[Fit]:
        """The LoRAs that it fuses."""
        return (_TextBank(self.settings, self.rank),)

    def fit(self, case: Case) -> Iterator[Step]:
        if case.path(self.name).with_suffix(".json").exists():
            return
        family, bank = case.family, by_site(case.fitted(BANK), case.family.sites)
        layers = _fused(family)
        rows = [
            group["prompt"].iloc[:: max(1, len(group) // self.templates)]
            for _, group in case.train.groupby("concept", sort=False)
        ]
        texts = [family.encode(list(prompts)) for prompts in rows]
        kept = family.encode([*case.retained, ""])
        weights = {}
        for k, site in enumerate(layers):
            original = layer_at(family.denoiser, site.name).weight
            states, same = [_read(text, site) for text in texts], _read(kept, site)
            found = fuse(original, states, bank[site.name].merged(), same, self.weight * len(states))
            weights[f"{site.name}.weight"] = found.to(original.dtype)
            yield Step(k + 1, len(layers))
        case.keep(self.name, weights, {"rank": self.rank, "weight": self.weight, "templates": self.templates})

    def eraser(self, case: Case) -> Rewritten:
        return Rewritten(self.name, case.identity(self.fits), case)


class _TextBank(BankFit):
    """The bank, where it has a LoRA for every layer that is fused; nothing is trained where it has not."""

    def fit(self, case: Case) -> Iterator[Step]:
        _fused(case.family)
        yield from super().fit(case)


def _fused(family: Family) -> tuple[Site, ...]:
    """The layers that are fused.

    Raises:
        UnhypeError: the sites leave one out.
    """
    layers = family.text_layers
    left_out = [layer.name for layer in layers if layer not in family.sites]
    if left_out:
        raise UnhypeError(
            f"got the sites {family.table!r} of {family.name} without {left_out[0]!r}, wanted every layer that reads "
            "token states among them: mace_like fuses the LoRAs of those layers, and is not defined on others"
        )
    width = family.width
    return layers + tuple(site for site in family.pooled_layers if site in family.sites and site.inputs == width)


def _read(text: Text, site: Site) -> torch.Tensor:
    """What a layer reads of a text, ``[n, i]``."""
    if site.reads == "pooled" and text.pooled is not None:
        return text.pooled
    return text.states.flatten(0, 1)


def fuse(
    W0: torch.Tensor, states: list[torch.Tensor], deltas: torch.Tensor, kept: torch.Tensor, weight: float
) -> torch.Tensor:
    """The closed form above: W = W0 + (Σ ΔW_i C_iᵀC_i)(Σ C_iᵀC_i + PᵀP + λI)⁻¹.

    Args:
        W0: ``[o, i]``.
        states: c_i of each of m concepts, ``[n, i]`` each.
        deltas: ΔW_i, ``[m, o, i]``.
        kept: c_p, ``[k, i]``.
        weight: λ.
    """
    W0, deltas, kept = W0.double(), deltas.double(), kept.double()
    grams = [C.double().T @ C.double() for C in states]
    total = (
        torch.stack(grams).sum(0)
        + kept.T @ kept
        + weight * torch.eye(W0.shape[1], dtype=torch.float64, device=W0.device)
    )
    pull = torch.stack([delta @ gram for delta, gram in zip(deltas, grams, strict=True)]).sum(0)
    return W0 + torch.linalg.solve(total, pull, left=False)
