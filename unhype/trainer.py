"""Training the hypernetwork: prompts and the latents of base pictures in, step reports out. Knows no Metaflow, no MLflow and no folders but its checkpoint's.

Three objectives (docs/experiments tells which is best, and why all three are here):
``direct``   ∇_φ of the task loss through θ_s, end to end;
``matching`` the paper's text: H(c, s+1) − H(c, s) must be one SGD step on the task loss;
``both``     what the authors' published code runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from unhype.errors import UnhypeError
from unhype.families.stable_diffusion import StableDiffusion
from unhype.hypernet import Emitter, HypernetConfig, strength
from unhype.lora import Factors, active
from unhype.losses import as_leaves, gradient_of, guided_target, removal_loss, retention_loss, task_loss
from unhype.switch import Switch
from unhype.training import Schedule, fit

MODES = ("direct", "matching", "both")


@dataclass(frozen=True)
class TrainingSettings:
    """How a hypernetwork is trained.

    Attributes:
        mode: objective, see above.
        seed: of initial weights, batches and noise.
        hypernet: its shape.
        schedule: steps, forgotten prompts a step, learning rate.
        retained: retained prompts a step.
        switch: whether a fitted switch multiplies B.
        gamma: γ, how far beyond the anchor the target lies.
        eta: η, the inner step of ``matching``.
        remove, retain: λ of removal and retention.
        earliest: lowest timestep that is trained on, as a share of all; below it a caption explains almost nothing.
        pictures: base pictures of each forgotten concept, and as many of its anchor, whose noised latents are z_t.
    """

    mode: str = "direct"
    seed: int = 0
    hypernet: HypernetConfig = field(default_factory=HypernetConfig)
    schedule: Schedule = field(default_factory=lambda: Schedule(steps=500, batch=16, rate=2e-3, average=0.98))
    retained: int = 16
    switch: bool = True
    gamma: float = 0.0
    eta: float = 1.0
    remove: float = 1.0
    retain: float = 0.01
    earliest: float = 0.2
    pictures: int = 2

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"got mode {self.mode!r}, wanted one of {', '.join(MODES)}")
        if self.retained < 0 or self.gamma < 0 or self.eta <= 0 or self.remove < 0 or self.retain < 0 or not 0 <= self.earliest < 1 or self.pictures < 1:
            raise ValueError(f"got {self}, wanted retained, gamma, remove and retain ≥ 0, eta > 0, earliest in [0, 1) and pictures ≥ 1")


@dataclass(frozen=True)
class Material:
    """What one training run reads.

    Attributes:
        prompts, anchors: a forgotten concept's prompt and its anchor's in the same template, row by row.
        retained: prompts to keep.
        latents: z_0 of base pictures ``[m, 4, h, w]``.
        rows: for each row of ``prompts``, the latents that may be noised for it, ``int [n, k]``.
    """

    prompts: Sequence[str]
    anchors: Sequence[str]
    retained: Sequence[str]
    latents: torch.Tensor
    rows: np.ndarray

    def __post_init__(self) -> None:
        if not len(self.prompts) == len(self.anchors) == len(self.rows) or not self.prompts:
            raise UnhypeError(f"got {len(self.prompts)} prompts, {len(self.anchors)} anchors and {len(self.rows)} rows, wanted equally many and at least one")

    def noised(self, family: StableDiffusion, chosen: np.ndarray, rng: np.random.Generator, earliest: float) -> tuple[torch.Tensor, torch.Tensor]:
        """z_t ``[n, 4, h, w]`` and t ``[n]`` for ``chosen`` rows; no timestep below ``earliest``, a share of all."""
        rows = self.rows[chosen, rng.integers(self.rows.shape[1], size=len(chosen))]
        latents = self.latents[torch.from_numpy(rows)].to(family.unet.device)
        timesteps = torch.from_numpy(rng.integers(int(earliest * family.timesteps), family.timesteps, size=len(chosen))).to(latents.device)
        noise = torch.from_numpy(rng.standard_normal(tuple(latents.shape), dtype=np.float32)).to(latents.device)
        return family.add_noise(latents, noise, timesteps), timesteps


@dataclass(frozen=True)
class StepReport:
    """One step: number, of how many, and what was measured in it."""

    step: int
    steps: int
    loss: float
    telemetry: dict[str, float]


E = TypeVar("E", bound=Emitter)


class Trainer(Generic[E]):
    """One run on a frozen base: of a hypernetwork, or of something else that gives every prompt a LoRA."""

    def __init__(self, family: StableDiffusion, settings: TrainingSettings, material: Material, switch: Switch | None, build: Callable[[], E]) -> None:
        self.family, self.settings, self.material, self.switch = family, settings, material, switch
        self.device = family.unet.device
        torch.manual_seed(settings.seed)
        self.emitter: E = build().to(self.device)
        self._telemetry: dict[str, float] = {}

    def run(self, checkpoint: Path) -> Iterator[StepReport]:
        """Train to the end, resuming from ``checkpoint``; it then has the averaged weights."""
        self.emitter.train()
        for report in fit(self.emitter, self._loss, self.settings.schedule, checkpoint, self.settings.seed, self.device, torch.float32):
            yield StepReport(report.step, report.steps, report.loss, dict(self._telemetry))
        self.emitter.eval()

    def _loss(self, step: int, rng: np.random.Generator) -> torch.Tensor:
        settings, S = self.settings, self.settings.hypernet.steps
        chosen = rng.integers(len(self.material.prompts), size=settings.schedule.batch)
        concept = self.family.encode([self.material.prompts[i] for i in chosen])
        anchor = self.family.encode([self.material.anchors[i] for i in chosen])
        # Half of the batch at S, where inference is; the rest anywhere, so that s is a dial.
        s = torch.from_numpy(np.where(rng.random(len(chosen)) < 0.5, S, rng.integers(1, S + 1, size=len(chosen)))).to(self.device)
        batch = self.material.noised(self.family, chosen, rng, settings.earliest)
        with torch.no_grad():
            eps_concept = self.family.predict(*batch, concept.states)
            eps_anchor = self.family.predict(*batch, anchor.states)
        target = guided_target(eps_concept, eps_anchor, settings.gamma, s / S)
        scale = ((eps_concept - eps_anchor) ** 2).flatten(1).mean(1)
        scale = scale.mean() + scale

        def task(factors: dict[str, Factors]) -> torch.Tensor:
            # On a CPU the fused attention's backward pass is slow at small sizes; the plain product has the same values.
            with active(self.family.unet, factors), sdpa_kernel(SDPBackend.MATH) if self.device.type == "cpu" else nullcontext():
                return task_loss(self.family.predict(*batch, concept.states), target, scale)

        opened = self.switch(concept.pooled) if self.switch else None
        total = torch.zeros((), device=self.device)
        if settings.mode in ("matching", "both"):
            total = total + settings.remove * self._matching(concept.pooled, s, opened, task)
        factors = self.emitter(concept.pooled, s, opened)
        if settings.mode in ("direct", "both"):
            direct = task(factors)
            self._telemetry["task"] = float(direct.detach())
            total = total + direct
        self._telemetry["strength_forget"] = float(strength(factors).mean().detach())
        if settings.retained and self.material.retained:
            total = total + settings.retain * self._retention(rng)
        return total

    def _matching(self, c: torch.Tensor, s: torch.Tensor, opened: torch.Tensor | None, task: Callable[[dict[str, Factors]], torch.Tensor]) -> torch.Tensor:
        s = s.clamp(max=self.settings.hypernet.steps - 1)
        now, following = self.emitter(c, s, opened), self.emitter(c, s + 1, opened)
        leaves = as_leaves(now)
        # The batch's mean gradient is a batch-th of each sample's own.
        slope = gradient_of(task(leaves) * len(c), leaves)
        with torch.no_grad():
            step = torch.cat([torch.cat([(following[k].A - now[k].A).flatten(1), (following[k].B - now[k].B).flatten(1)], 1) for k in now], 1)
            wanted = -self.settings.eta * torch.cat([torch.cat([slope[k].A.flatten(1), slope[k].B.flatten(1)], 1) for k in now], 1)
            self._telemetry["step_norm"] = float(step.norm(dim=1).mean())
            self._telemetry["target_norm"] = float(wanted.norm(dim=1).mean())
            self._telemetry["step_cosine"] = float(torch.cosine_similarity(step, wanted, dim=1).mean())
        return removal_loss(now, following, slope, self.settings.eta)

    def _retention(self, rng: np.random.Generator) -> torch.Tensor:
        kept = self.family.encode([self.material.retained[i] for i in rng.integers(len(self.material.retained), size=self.settings.retained)])
        s = torch.from_numpy(rng.integers(1, self.settings.hypernet.steps + 1, size=self.settings.retained)).to(self.device)
        factors = self.emitter(kept.pooled, s, self.switch(kept.pooled) if self.switch else None)
        self._telemetry["strength_retain"] = float(strength(factors).mean().detach())
        return retention_loss(factors)
