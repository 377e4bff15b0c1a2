"""SPM's way (Lyu et al. 2024): one LoRA for each concept, all added up.

Each is scaled by how much the prompt has to do with its concept:

    γ_i(p) = max( cosine of CLIP's vectors of p and of concept i,  share of the concept's words that p says )

The cosine is measured from that of the empty prompt, so that a prompt about nothing opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from unhype.baselines.adapters import BANK, Adapted, BankFit, vectors
from unhype.baselines.case import Case, Fitted, Step
from unhype.baselines.gates import said
from unhype.erasing.trainer import TrainingSettings


@dataclass(frozen=True)
class SpmGate(Fitted):
    """A bank of LoRAs behind soft gates."""

    settings: TrainingSettings = field(default_factory=TrainingSettings)
    rank: int = 1
    name: str = "spm_gate"
    fits: str = BANK

    def fit(self, case: Case) -> Iterator[Step]:
        yield from BankFit(self.settings, self.rank).fit(case)

    def eraser(self, case: Case) -> Adapted:
        concepts = list(case.concepts)
        centres, floor = vectors(case, concepts), vectors(case, [""])

        def weigh(prompts: list[str]) -> torch.Tensor:
            nothing = (floor @ centres.T)[0]
            cosine = ((vectors(case, prompts) @ centres.T - nothing) / (1 - nothing)).clamp(0, 1)
            return torch.maximum(cosine, said(prompts, concepts).to(cosine.device))

        return Adapted(self.name, case.identity(self.fits, self.name), case, self.fits, weigh)
