"""UnGuidance (arXiv 2508.05755): a static LoRA, mixed with the base by a weight that each prompt decides at inference.

    d(p) = mean ‖ε_lora(z_t, t, p) − ε*(z_t, t, p)‖₂
    ε    = w·ε* + (1 − w)·ε_lora
    w    = −1 if d(p) > d("") else 2

The LoRA moves a forgotten prompt's noise more than the empty prompt's. Such a prompt is pushed further the LoRA's way,
every other prompt is pushed back. The paper measures d in the first few steps of the trajectory (``unguide_paper``),
its code after four fifths of the steps (``unguide_code``). The price: two models a step, and probes for every prompt.

Where a base predicts velocity, ε stands for it. A distilled base (Flux) has no half of guidance for the empty prompt:
its ε is the velocity at the strength that it is told, which is mixed all the same, and d("") is asked as any prompt is.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from unhype.adapters.lora import Factors, active
from unhype.baselines.adapters import Bank, by_site, train_adapters
from unhype.baselines.case import Case, Fitted, OfCase, Step
from unhype.baselines.forward import first, instead, with_first
from unhype.erasing.trainer import TrainingSettings
from unhype.families.family import Family
from unhype.pictures.sampling import Sampling

PROBES = {"unguide_paper": (0.0, 0.1, 0.2), "unguide_code": (0.8,)}
"""Form → where it looks, as shares of the sampling steps."""


@dataclass(frozen=True)
class UnGuide(Fitted):
    """Attributes:
    name: ``unguide_paper`` or ``unguide_code``.
    noises: starts whose distances are averaged.
    """

    name: str = "unguide_paper"
    noises: int = 4
    gamma: float = 2.0
    settings: TrainingSettings = field(default_factory=TrainingSettings)
    fits: str = "unguide_lora"

    def fit(self, case: Case) -> Iterator[Step]:
        settings = replace(self.settings, mode="direct", seed=case.seed, retained=0, switch=False, gamma=self.gamma)
        yield from train_adapters(
            case, self.fits, settings, lambda: Bank(settings.hypernet, case.family.sites), case.material
        )

    def eraser(self, case: Case) -> _Mixture:
        return _Mixture(self.name, case.identity(self.fits, self.name, self.noises), case, self)


@dataclass(frozen=True)
class _Mixture(OfCase):
    method: UnGuide

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[np.ndarray]:
        family, how = self.case.family, self.case.how
        lora = by_site(self.case.fitted(self.method.fits), family.sites)
        floor = float(distances(family, lora, [""], how, PROBES[self.name], self.method.noises)[0])
        for start in range(0, len(prompts), how.batch):
            part = slice(start, start + how.batch)
            far = distances(family, lora, list(prompts[part]), how, PROBES[self.name], self.method.noises) > floor
            with mixture(family, lora, torch.where(far, -1.0, 2.0)):
                yield from family.draw(prompts[part], seeds[part], how)

    def untouched(self, prompts: Sequence[str]) -> np.ndarray:
        return np.zeros(len(prompts), dtype=bool)


@torch.no_grad()
def distances(
    family: Family,
    lora: Mapping[str, Factors],
    prompts: list[str],
    how: Sampling,
    probes: Sequence[float],
    noises: int,
    seed: int = 0,
) -> torch.Tensor:
    """d(p) of each prompt, ``[n]``: along the base's own trajectories, the same noises for every prompt."""
    path, n = family.trajectory(how.steps), len(prompts)
    looked = {round(share * (len(path.times) - 1)) for share in probes}
    text, empty = family.encode(prompts).repeated(noises), family.unconditional(noises * n)
    starts = torch.randn(noises, 1, *family.latent_shape, generator=torch.Generator("cpu").manual_seed(seed))
    latents = path.start(starts.expand(-1, n, -1, -1, -1).flatten(0, 1).to(family.device))
    found = torch.zeros(noises * n, device=family.device)
    for i, time in enumerate(path.times[: max(looked) + 1]):
        times, seen = time.expand(len(latents)), path.seen(latents, i)
        if i in looked:
            noise = family.predict(seen, times, text)
            with active(family.denoiser, repeated(lora, len(latents))):
                found += (family.predict(seen, times, text) - noise).flatten(1).norm(dim=1) / len(looked)
        if i < max(looked):
            latents = path.step(family.guided(seen, times, text, empty, how.guidance), i, latents)
    return found.view(noises, n).mean(0).cpu()


@contextmanager
def mixture(family: Family, lora: Mapping[str, Factors], w: torch.Tensor) -> Iterator[None]:
    """The denoiser as ε = w·ε* + (1 − w)·ε_lora while the context is open, for a batch of len(w) prompts.

    In both halves of guidance, where a call has two.
    """
    model = family.bare_denoiser
    forward = model.forward
    signature = inspect.signature(forward)

    def both(*args: Any, **named: Any) -> Any:
        n = len(family.text_in(signature.bind(*args, **named).arguments)[0])
        base = forward(*args, **named)
        with active(model, repeated(lora, n)):
            adapted = first(forward(*args, **named))
        weight = w.repeat(n // len(w)).to(adapted).view(-1, *[1] * (adapted.ndim - 1))
        return with_first(base, weight * first(base) + (1 - weight) * adapted)

    with instead(model, both):
        yield


def repeated(lora: Mapping[str, Factors], n: int) -> dict[str, Factors]:
    """A single LoRA for n samples."""
    return {name: f.repeated(n) for name, f in lora.items()}
