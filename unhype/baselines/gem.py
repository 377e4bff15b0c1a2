"""GEM (Grebe et al. 2026, arXiv 2606.00140, equations 13 and 14): a LoRA that is drawn to the anchor's velocity and
driven from the concept's, along the path that it takes itself.

    L = max(0, ‖v_θ(z_t, t, c) − v*(z_t, t, a)‖ − η·‖v_θ(z_t, t, c) − v*(z_t, t, c)‖)

c is a prompt of a forgotten concept, a its anchor's. z_t are the first places, a third of all steps, of a trajectory
that starts from noise and follows the adapted model, guided as pictures are. The LoRA lies on queries and keys of the
blocks in which words and picture have weights of their own; afterwards it is merged. Nothing is retained.

Rank, rate, η and the share of the path are those of the authors' code. Its factor on the loss is left out, since AdamW
does not see it, and its dropout. Trajectories are as many as fill the batch of the other methods. It is defined for
rectified flows: elsewhere there are no such blocks, and it says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from unhype.adapters.lora import Factors, active
from unhype.adapters.sites import Site, layer_at
from unhype.baselines.adapters import Bank
from unhype.baselines.case import Case, Fitted, Step
from unhype.baselines.weights import Rewritten
from unhype.erasing.hypernet import HypernetConfig
from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.families.text import Text
from unhype.training import Schedule, fit


@dataclass(frozen=True)
class Gem(Fitted):
    """Attributes:
    schedule: ``batch`` are places on trajectories, not trajectories.
    eta: η, how much the distance from the concept counts.
    share: of the sampler's steps that are trained on, from noise.
    """

    schedule: Schedule = field(default_factory=lambda: Schedule(steps=250, batch=16, rate=1e-3))
    rank: int = 16
    eta: float = 1.0
    share: float = 10 / 28
    name: str = "gem"
    fits: str = "gem"

    def fit(self, case: Case) -> Iterator[Step]:
        if case.path(self.name).with_suffix(".json").exists():
            return
        family, material, how = case.family, case.material, case.how
        layers = _joint(family)
        places = max(1, round(self.share * how.steps))
        torch.manual_seed(case.seed)
        lora = Bank(HypernetConfig(rank=self.rank), layers).to(family.device)

        def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
            chosen = rng.integers(len(material.prompts), size=max(1, self.schedule.batch // places))
            concept, anchor = (
                family.encode([side[i] for i in chosen]) for side in (material.prompts, material.anchors)
            )
            with torch.no_grad(), active(family.denoiser, _rows(lora, len(chosen))):
                noisy, times = _path(family, concept, how.steps, places, how.guidance, rng)
            concept, anchor = concept.repeated(places), anchor.repeated(places)
            with torch.no_grad():
                far, near = (family.predict(noisy, times, text).float() for text in (concept, anchor))
            plain = sdpa_kernel(SDPBackend.MATH) if noisy.device.type == "cpu" else nullcontext()
            with plain, active(family.denoiser, _rows(lora, len(noisy))):
                return contrast(family.predict(noisy, times, concept).float(), near, far, self.eta)

        case.folder.mkdir(parents=True, exist_ok=True)
        precision = torch.float32 if family.dtype == torch.float32 else torch.bfloat16
        for report in fit(lora, loss, self.schedule, case.checkpoint(self.name), case.seed, family.device, precision):
            yield Step(report.step, report.steps, report.loss)
        case.keep(self.name, _merged(family, lora), {"eta": self.eta, "rank": self.rank, **asdict(self.schedule)})

    def eraser(self, case: Case) -> Rewritten:
        return Rewritten(self.name, case.identity(self.fits), case)


def contrast(theta: torch.Tensor, near: torch.Tensor, far: torch.Tensor, eta: float) -> torch.Tensor:
    """L of velocities ``[n, …]``: ``theta`` v_θ(c), ``near`` v*(a), ``far`` v*(c); averaged over the batch."""
    towards, away = ((theta - other).flatten(1).norm(dim=1) for other in (near, far))
    return torch.relu(towards - eta * away).mean()


def _joint(family: Family) -> tuple[Site, ...]:
    """The layers that are adapted.

    Raises:
        UnhypeError: the family has none.
    """
    layers = family.joint_layers
    if not layers:
        raise UnhypeError(
            f"got a base of the family {family.name}, wanted a rectified flow with joint attention, such as flux: "
            "gem adapts its queries and keys, and is not defined on others"
        )
    return layers


def _rows(lora: Bank, n: int) -> dict[str, Factors]:
    """The LoRA for n samples."""
    nothing = torch.zeros(n, 1, device=lora.A[0].device)
    found: dict[str, Factors] = lora(nothing, torch.full((n,), lora.config.steps, device=nothing.device))
    return found


def _path(
    family: Family, text: Text, steps: int, places: int, guidance: float, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """The first places of a trajectory for each text, and their times: all texts at the first, at the second …"""
    path, n = family.trajectory(steps), len(text)
    noise = torch.from_numpy(rng.standard_normal((n, *family.latent_shape), dtype=np.float32)).to(family.device)
    latents, empty = path.start(noise), family.unconditional(n)
    found, times = [], []
    for i, time in enumerate(path.times[:places]):
        seen, now = path.seen(latents, i), time.expand(n)
        found.append(seen)
        times.append(now)
        latents = path.step(family.guided(seen, now, text, empty, guidance), i, latents)
    return torch.cat(found), torch.cat(times)


@torch.no_grad()
def _merged(family: Family, lora: Bank) -> dict[str, torch.Tensor]:
    """The adapted layers' weights, W + BA."""
    weights = {}
    for name, factors in _rows(lora, 1).items():
        original = layer_at(family.denoiser, name).weight
        weights[f"{name}.weight"] = (original.float() + factors.merged()[0]).to(original.dtype)
    return weights
