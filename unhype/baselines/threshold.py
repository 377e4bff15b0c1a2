"""The null hypothesis: a static LoRA that is on where CLIP finds a prompt like a forgotten concept, and off elsewhere.

Likeness is the cosine of the prompt's vector to the nearest forgotten concept's. The threshold lies half way between
retained and forgotten training prompts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch

from unhype.baselines.adapters import Adapted, Bank, train_adapters, vectors
from unhype.baselines.case import Case, Fitted, Step
from unhype.baselines.gates import half_way, likeness
from unhype.erasing.trainer import TrainingSettings


@dataclass(frozen=True)
class Threshold(Fitted):
    """CLIP similarity and a static LoRA without retention."""

    settings: TrainingSettings = field(default_factory=TrainingSettings)
    name: str = "threshold"
    fits: str = "plain_lora"

    def fit(self, case: Case) -> Iterator[Step]:
        settings = replace(self.settings, mode="direct", seed=case.seed, retained=0, switch=False)
        yield from train_adapters(
            case, self.fits, settings, lambda: Bank(settings.hypernet, case.family.sites), case.material
        )

    def eraser(self, case: Case) -> Adapted:
        centres = vectors(case, list(case.concepts))
        opens = half_way(case, centres)

        def weigh(prompts: list[str]) -> torch.Tensor:
            return (likeness(case, prompts, centres).amax(1) > opens).float()[:, None]

        return Adapted(self.name, case.identity(self.fits, self.name), case, self.fits, weigh)
