"""Training the hypernetwork: prompts and the latents of base pictures in, step reports out.

Knows no Metaflow, no MLflow and no folders but its checkpoint's.

Three objectives (docs/experiments tells which is best, and why all three are here):
``direct``   ∇_φ of the task loss through θ_s, end to end;
``matching`` the paper's text: H(c, s+1) − H(c, s) must be one SGD step on the task loss;
``both``     what the authors' published code runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from unhype.adapters.lora import Factors, active
from unhype.erasing.hypernet import Emitter, HypernetConfig, strength
from unhype.erasing.losses import (
    as_leaves,
    gradient_of,
    guided_target,
    removal_loss,
    retention_loss,
    task_loss,
    with_gradient,
)
from unhype.erasing.material import Material, Shares
from unhype.erasing.phrases import Reading
from unhype.erasing.texts import Texts
from unhype.families.family import Family
from unhype.training import PRECISIONS, Schedule, arithmetic_of, fit

MODES = ("direct", "matching", "both")


@dataclass(frozen=True)
class TrainingSettings:
    """How a hypernetwork is trained.

    Attributes:
        mode: objective, see above.
        seed: of initial weights, batches and noise.
        hypernet: its shape.
        schedule: steps, forgotten prompts a step, learning rate.
        shares: of a step's forgotten prompts: in company, and to keep under a concept's LoRA.
        retained: retained prompts a step, whose LoRA must be zero.
        switch: whether a fitted switch multiplies B.
        sentences: whether phrases must be borne out by their sentences to open it.
        canonical: whether the hypernetwork reads the concept's own name in place of the phrase that means it.
        gamma: γ, how far beyond the anchor the target lies.
        eta: η, the inner step of ``matching``.
        remove, retain: λ of removal and retention.
        earliest: lowest time of the noise schedule that is trained on, as a share of all; below it a caption explains
            almost nothing.
        pictures: base pictures of each forgotten concept, and as many of its anchor, whose noised latents are z_t.
        precision: of the arithmetic, one of :data:`unhype.training.PRECISIONS`.
        sites: choice of layers that adapters go to, of those that the base's family has; empty for its first.
        times: how times are drawn, of what the base's family has; empty for its first.
        reads: what switch and hypernetwork read, of what the base's family has; empty for its first.
    """

    mode: str = "direct"
    seed: int = 0
    hypernet: HypernetConfig = field(default_factory=HypernetConfig)
    schedule: Schedule = field(default_factory=lambda: Schedule(steps=2000, batch=24, rate=2e-3, average=0.98))
    shares: Shares = field(default_factory=Shares)
    retained: int = 16
    switch: bool = True
    sentences: bool = True
    canonical: bool = True
    gamma: float = 0.3
    eta: float = 1.0
    remove: float = 1.0
    retain: float = 0.01
    earliest: float = 0.2
    pictures: int = 2
    precision: str = "auto"
    sites: str = ""
    times: str = ""
    reads: str = ""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"got mode {self.mode!r}, wanted one of {', '.join(MODES)}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"got precision {self.precision!r}, wanted one of {', '.join(PRECISIONS)}")
        if (
            self.retained < 0
            or self.gamma < 0
            or self.eta <= 0
            or self.remove < 0
            or self.retain < 0
            or not 0 <= self.earliest < 1
            or self.pictures < 1
        ):
            raise ValueError(
                f"got {self}, wanted retained, gamma, remove and retain ≥ 0, eta > 0, earliest in [0, 1) and "
                "pictures ≥ 1"
            )


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

    def __init__(
        self,
        family: Family,
        settings: TrainingSettings,
        material: Material,
        build: Callable[[], E],
        cache_gb: float = 4.0,
        checkpointing: bool | None = None,
    ) -> None:
        """Take what is trained, on what.

        Args:
            build: makes what is trained.
            cache_gb: memory on the CPU for encoded prompts.
            checkpointing: whether the denoiser trades time for memory; if None, as its family does on a GPU, and not on
                a CPU, where time is what is short.
        """
        family.check_starts_from_noise()
        family.check_choices(law=settings.times)
        self.family, self.settings, self.material = family, settings, material
        self.cache_gb = cache_gb
        self.device = family.device
        usual = family.defaults.checkpointing and self.device.type != "cpu"
        self.checkpointing = usual if checkpointing is None else checkpointing
        torch.manual_seed(settings.seed)
        self.emitter: E = build().to(self.device)
        self._telemetry: dict[str, float] = {}
        self._encoded: Texts | None = None

    def run(self, checkpoint: Path) -> Iterator[StepReport]:
        """Train to the end, resuming from ``checkpoint``; it then has the averaged weights.

        Meanwhile the parts of the base that training does not need are off the device; when it ends, or is stopped,
        they are back.
        """
        self.emitter.train()
        denoiser: Any = self.family.bare_denoiser
        if self.checkpointing:
            denoiser.enable_gradient_checkpointing()
        try:
            for report in fit(
                self.emitter,
                self._loss,
                self.settings.schedule,
                checkpoint,
                self.settings.seed,
                self.device,
                arithmetic_of(self.settings.precision, self.device),
            ):
                yield StepReport(report.step, report.steps, report.loss, dict(self._telemetry))
        finally:
            self._encoded = None
            self.family.restore()
            if self.checkpointing:
                denoiser.disable_gradient_checkpointing()
        self.emitter.eval()

    def _texts(self) -> Texts:
        """Prompts, then anchors; encoded in the first step, in the arithmetic of a step."""
        if self._encoded is None:
            schedule = self.settings.schedule
            together = [*self.material.prompts, *self.material.anchors]
            self._encoded = Texts(self.family, together, self.cache_gb * 1e9, 2 * schedule.steps * schedule.batch)
            self.family.release(encoders=self._encoded.cached)
        return self._encoded

    def _loss(self, step: int, rng: np.random.Generator) -> torch.Tensor:
        settings, S = self.settings, self.settings.hypernet.steps
        chosen = self.material.draw(settings.schedule.batch, rng)
        both = self._texts()([*chosen, *(chosen + len(self.material.prompts))])
        concept, _ = both.chunk(2)
        read = self.material.reading[torch.from_numpy(chosen)].to(self.device)
        # Half of the batch at S, where inference is; the rest anywhere, so that s is a dial.
        s = torch.from_numpy(np.where(rng.random(len(chosen)) < 0.5, S, rng.integers(1, S + 1, size=len(chosen)))).to(
            self.device
        )
        batch = self.material.noised(self.family, chosen, rng, settings.earliest, settings.times)
        with torch.no_grad():
            noisy, timesteps = (torch.cat([part, part]) for part in batch)
            eps_concept, eps_anchor = self.family.predict(noisy, timesteps, both).chunk(2)
        target = guided_target(eps_concept, eps_anchor, settings.gamma, s / S)
        scale = ((eps_concept - eps_anchor) ** 2).flatten(1).mean(1)
        scale = scale.mean() + scale
        scale = torch.where(scale > 0, scale, 1)  # a batch of prompts to keep alone has no distance to measure by

        def task(factors: dict[str, Factors]) -> tuple[torch.Tensor, dict[str, Factors]]:
            """The task loss at θ, and its gradient there.

            Both while θ is on the denoiser: with checkpointing the backward pass runs it a second time.
            """
            leaves = as_leaves(factors)
            together = {name: each.joined(read.phrases) for name, each in leaves.items()}
            # On a CPU the fused attention's backward pass is slow at small sizes; the plain product has the same
            # values.
            with (
                active(self.family.denoiser, together),
                sdpa_kernel(SDPBackend.MATH) if self.device.type == "cpu" else nullcontext(),
            ):
                loss = task_loss(self.family.predict(*batch, concept), target, scale)
                # A backward pass has its arithmetic from the forward pass, and wants no other on top.
                with torch.autocast(self.device.type, enabled=False):
                    return loss.detach(), gradient_of(loss, leaves)

        total = torch.zeros((), device=self.device)
        if settings.mode in ("matching", "both"):
            total = total + settings.remove * self._matching(read, s, task)
        factors = self._emit(read, s)
        if settings.mode in ("direct", "both"):
            direct, slope = task(factors)
            self._telemetry["task"] = float(direct)
            total = total + with_gradient(direct, factors, slope)
        self._telemetry["strength_forget"] = float(strength(factors).mean().detach())
        if settings.retained and not self.material.retained.untouched.all():
            total = total + settings.retain * self._retention(rng)
        return total

    def _emit(self, read: Reading, s: torch.Tensor) -> dict[str, Factors]:
        """A LoRA for every phrase, open or not: n·P samples."""
        factors: dict[str, Factors] = self.emitter(
            read.c.flatten(0, 1), s.repeat_interleave(read.phrases), read.opened.flatten()
        )
        return factors

    def _matching(
        self,
        read: Reading,
        s: torch.Tensor,
        task: Callable[[dict[str, Factors]], tuple[torch.Tensor, dict[str, Factors]]],
    ) -> torch.Tensor:
        s = s.clamp(max=self.settings.hypernet.steps - 1)
        now, following = self._emit(read, s), self._emit(read, s + 1)
        _, mean = task(now)
        with torch.no_grad():
            # The batch's mean gradient is a batch-th of each sample's own.
            slope = {name: Factors(each.A * len(read), each.B * len(read)) for name, each in mean.items()}
            step = torch.cat(
                [
                    torch.cat([(following[k].A - now[k].A).flatten(1), (following[k].B - now[k].B).flatten(1)], 1)
                    for k in now
                ],
                1,
            )
            wanted = -self.settings.eta * torch.cat(
                [torch.cat([slope[k].A.flatten(1), slope[k].B.flatten(1)], 1) for k in now], 1
            )
            self._telemetry["step_norm"] = float(step.norm(dim=1).mean())
            self._telemetry["target_norm"] = float(wanted.norm(dim=1).mean())
            self._telemetry["step_cosine"] = float(torch.cosine_similarity(step, wanted, dim=1).mean())
        return removal_loss(now, following, slope, self.settings.eta)

    def _retention(self, rng: np.random.Generator) -> torch.Tensor:
        kept = self.material.retained[
            torch.from_numpy(rng.integers(len(self.material.retained), size=self.settings.retained))
        ].to(self.device)
        factors = self._emit(
            kept,
            torch.from_numpy(rng.integers(1, self.settings.hypernet.steps + 1, size=self.settings.retained)).to(
                self.device
            ),
        )
        self._telemetry["strength_retain"] = float(strength(factors).mean().detach())
        return retention_loss(factors)
