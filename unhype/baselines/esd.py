"""ESD (Gandikota et al. 2023): fine-tune weights of the denoiser until a forgotten prompt is guided away from itself.

    ε_θ(z_t, t, c)  →  ε*(z_t, t, ∅) − γ·(ε*(z_t, t, c) − ε*(z_t, t, ∅))

``esd_x`` tunes cross-attention (what answers to words), ``esd_u`` everything else. In joint attention (Flux) words have
weights of their own only in part: there ``esd_x`` tunes those, and ``esd_u`` all, since nothing is free of words.

At one z_t noise and velocity are linear in each other, so ε stands for v where a base predicts that. A distilled base
(Flux) has no unconditional half; ∅ is the empty prompt, asked as any other is, and nobody guides: both sides are told
the strength 1, which is the conditional velocity itself.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from unhype.baselines.case import Case, Fitted, Step
from unhype.baselines.weights import Rewritten
from unhype.erasing.losses import guided_target
from unhype.families.family import Family
from unhype.families.text import Text
from unhype.training import Schedule, fit


@dataclass(frozen=True)
class Esd(Fitted):
    """Attributes:
    name: ``esd_x`` or ``esd_u``.
    gamma: γ.
    """

    name: str = "esd_x"
    gamma: float = 1.0
    schedule: Schedule = field(default_factory=lambda: Schedule(steps=500, batch=16, rate=5e-5, decay=0.0))

    @property
    def fits(self) -> str:
        return self.name

    def fit(self, case: Case) -> Iterator[Step]:
        if case.path(self.name).with_suffix(".json").exists():
            return
        case.folder.mkdir(parents=True, exist_ok=True)
        family, material = case.family, case.material
        tuned = _Tuned(family, words=self.name == "esd_x")
        nothing = family.unconditional(self.schedule.batch)

        def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
            chosen = rng.integers(len(material.prompts), size=self.schedule.batch)
            text = family.encode([material.prompts[i] for i in chosen])
            noisy, times = material.noised(family, chosen, rng, earliest=0.0)
            with torch.no_grad():
                eps_concept = family.predict(noisy, times, text)
                eps_nothing = family.predict(noisy, times, nothing)
            target = guided_target(eps_concept, eps_nothing, self.gamma, torch.ones(len(chosen), device=noisy.device))
            with sdpa_kernel(SDPBackend.MATH) if noisy.device.type == "cpu" else nullcontext():
                return ((tuned(noisy, times, text).float() - target.float()) ** 2).mean()

        precision = torch.float32 if family.dtype == torch.float32 else torch.bfloat16
        checkpoint = case.checkpoint(self.name)
        for report in fit(tuned, loss, self.schedule, checkpoint, case.seed, family.device, precision):
            yield Step(report.step, report.steps, report.loss)
        case.keep(self.name, tuned.weights(), {"gamma": self.gamma, "schedule": asdict(self.schedule)})

    def eraser(self, case: Case) -> Rewritten:
        return Rewritten(self.name, case.identity(self.fits), case)


class _Tuned(nn.Module):
    """A copy of a denoiser in float32, some of whose weights are trained: those that answer to words, or all that are
    left; all at all, where words have none to themselves."""

    def __init__(self, family: Family, words: bool) -> None:
        super().__init__()
        self._family = (family,)  # in a tuple: it is nobody's submodule
        self.model = copy.deepcopy(family.bare_denoiser).float()
        for name, parameter in self.model.named_parameters():
            answers = any(piece in f".{name}." for piece in family.words)
            parameter.requires_grad_(answers if words else not (answers and family.words_apart))

    def forward(self, noisy: torch.Tensor, times: torch.Tensor, text: Text) -> torch.Tensor:
        return self._family[0].predict(noisy, times, text, denoiser=self.model)

    def weights(self) -> dict[str, torch.Tensor]:
        """The tuned ones, under the denoiser's names."""
        return {name: parameter for name, parameter in self.model.named_parameters() if parameter.requires_grad}
