"""Training: nets of the zoo, noised at a random time, are to be told from their losses and what is left of them.

Of a net's numbers most matter little, and the few that do must fit each other: a mean square of weights alone gives
nets that look right and know little. So it also counts what nets say, and how well, the more the less noise there is:

    ‖θ̂ − θ‖² / √(1 − ᾱ)  +  min(ᾱ / (1 − ᾱ), most) · (said · ‖logits(θ̂) − logits(θ)‖² + losses · Σ_c (L_c(θ̂) − L_c(θ))²)

The squares of weights and of logits are relative to those of the zoo.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from unhype.hyperforget.denoiser import DenoiserSettings
from unhype.hyperforget.diffusion import STEPS, alpha_bar, noised
from unhype.hyperforget.digits import Digits
from unhype.hyperforget.model import HyperForget, signal_of
from unhype.hyperforget.nets import Shape, class_means, logits, nets_of, parts_of, surprise
from unhype.hyperforget.zoo import UNLEARNING, Zoo, ZooSettings
from unhype.training import Report, Schedule, fit


@dataclass(frozen=True)
class LossSettings:
    """Weights of what nets say and of their losses, the ``most`` that little noise weighs, ``pictures`` a step."""

    said: float = 4.0
    losses: float = 0.03
    most: float = 30.0
    pictures: int = 128

    def __post_init__(self) -> None:
        if min(self.said, self.losses, self.most) < 0 or self.pictures < 1:
            raise ValueError(f"got {self}, wanted weights of at least 0 and at least one picture")


@dataclass(frozen=True)
class HyperForgetSettings:
    """Of zoo, denoiser and training; ``sampling`` counts denoising steps, ``seed`` is that of everything."""

    seed: int = 0
    zoo: ZooSettings = field(default_factory=ZooSettings)
    denoiser: DenoiserSettings = field(default_factory=DenoiserSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    schedule: Schedule = field(default_factory=lambda: Schedule(2000, 192, 1.5e-3, average=0.995, muon=True))
    sampling: int = 20

    def __post_init__(self) -> None:
        if self.sampling < 1:
            raise ValueError(f"got {self.sampling} steps of sampling, wanted at least one")


def train(
    model: HyperForget, zoo: Zoo, data: Digits, weights: LossSettings, schedule: Schedule, checkpoint: Path
) -> Iterator[Report]:
    """Train a model in place on pictures, yielding a report a step; goes on from a checkpoint that lies there."""
    begin = -UNLEARNING if model.started else 0  # before, nothing has moved from its start
    nets, asked = zoo.nets[:, begin:], signal_of(zoo.losses, zoo.forgotten, model.signal)[:, begin:]
    shape = model.shape

    def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
        run, time, t = (torch.from_numpy(rng.integers(0, n, schedule.batch)) for n in (*nets.shape[:2], STEPS))
        theta, signal, starts = nets[run, time], asked[run, time], zoo.starts[run] if model.started else None
        chosen = torch.from_numpy(rng.integers(0, len(data.y), weights.pictures))
        x, shown, y = data.x[chosen], data.y[chosen], data.y[chosen].expand(len(run), -1)
        if model.signal == "classes" and starts is not None:  # θ out of noise would not know whose label is whose
            order = torch.from_numpy(rng.permuted(np.tile(np.arange(shape.classes), (len(run), 1)), axis=1))
            theta, starts = relabelled(theta, order, shape), relabelled(starts, order, shape)
            signal, y = signal.gather(-1, order), order.argsort(-1)[:, shown]
        x0, share = model.x0_of(theta, starts), alpha_bar()[t]
        found = model(noised(x0, t, torch.randn_like(x0)), t, signal, starts)
        told, meant = logits(model.nets_from(found, starts), x, shape), logits(theta, x, shape)
        missed = class_means(surprise(told, y) - surprise(meant, y), shown, shape)
        said = (told - meant).square().mean((1, 2)) / meant.square().mean()
        function = weights.said * said + weights.losses * missed.square().sum(-1)
        clean = (share / (1 - share)).clamp(max=weights.most)
        return ((found - x0).square().mean(-1) / (1 - share).sqrt() + clean * function).mean()

    yield from fit(model, loss, schedule, checkpoint, model.card["seed"], torch.device("cpu"), torch.float32)


def relabelled(nets: torch.Tensor, order: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Nets ``[n, size]`` that call class i what was class ``order[:, i]``."""
    inward, outward, bias = parts_of(nets, shape)
    return nets_of(inward, outward.gather(-1, order[:, None].expand_as(outward)), bias.gather(-1, order))
