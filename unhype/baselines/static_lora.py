"""One static LoRA for all concepts, trained on UnHype's own target.

Some training prompts are retained ones, whose target is the base itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from unhype.baselines.adapters import Adapted, Bank, always, train_adapters
from unhype.baselines.case import Case, Fitted, Step
from unhype.erasing.material import Material, mixed
from unhype.erasing.trainer import TrainingSettings


@dataclass(frozen=True)
class StaticLora(Fitted):
    """The same LoRA for every prompt, in both halves of guidance, as if merged into the weights.

    Attributes:
        kept: share of retained prompts in a step. With a half the LoRA does nothing, with none it erases everybody
            else too (experiments/static.py).
    """

    settings: TrainingSettings = field(default_factory=TrainingSettings)
    kept: float = 0.1
    name: str = "static_lora"
    fits: str = "static_lora"

    def fit(self, case: Case) -> Iterator[Step]:
        settings = replace(self.settings, mode="direct", seed=case.seed, retained=0, switch=False)
        yield from train_adapters(
            case,
            self.fits,
            settings,
            lambda: Bank(settings.hypernet, case.family.sites),
            with_retained(case, self.kept),
        )

    def eraser(self, case: Case) -> Adapted:
        return Adapted(self.name, case.identity(self.name), case, self.fits, always(case), unconditional=True)


def with_retained(case: Case, share: float) -> Material:
    """A share of retained prompts, each its own anchor: their target is what the base predicts."""
    material, prompts = case.material, list(case.retain["prompt"])
    if not prompts:
        return material
    kept = [prompts[i] for i in np.linspace(0, len(prompts) - 1, len(material.prompts)).round().astype(int)]
    return mixed([material, replace(material, prompts=kept, anchors=kept)], [1 - share, share])
