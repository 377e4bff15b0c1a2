"""Training: nets of the zoo, noised at a random time, are to be told from their losses and what is left of them.

Of a net's numbers most matter little, and the few that do must fit each other: a mean square of weights alone gives
nets that look right and know little. So it also counts what nets say, and how well, the more the less noise there is
(all squares but those of losses are relative to the zoo's):

    ‖θ̂ − θ‖² / √(1 − ᾱ)  +  min(ᾱ / (1 − ᾱ), most) · (said · ‖logits(θ̂) − logits(θ)‖² + losses · Σ_c (L_c(θ̂) − L_c(θ))²)
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
from unhype.hyperforget.nets import class_means, logits, surprise
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
    """Of zoo, denoiser, training; of ``sampling`` nets, or the change of one by ``draws`` of ``draw_steps`` each."""

    seed: int = 0
    zoo: ZooSettings = field(default_factory=ZooSettings)
    denoiser: DenoiserSettings = field(default_factory=DenoiserSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    schedule: Schedule = field(default_factory=lambda: Schedule(2000, 192, 1.5e-3, average=0.995, muon=True))
    sampling: int = 20
    draws: int = 16
    draw_steps: int = 5

    def __post_init__(self) -> None:
        if min(self.sampling, self.draws, self.draw_steps) < 1:
            raise ValueError(f"got {self}, wanted at least one step of sampling and one draw")


def train(
    model: HyperForget, zoo: Zoo, data: Digits, weights: LossSettings, schedule: Schedule, checkpoint: Path
) -> Iterator[Report]:
    """Train a model in place on pictures, yielding a report a step; goes on from a checkpoint that lies there."""
    begin, shape = -UNLEARNING if model.started else 0, model.shape  # before, nothing has moved from its start
    nets, asked = zoo.nets[:, begin:], signal_of(zoo.losses, zoo.forgotten, model.signal)[:, begin:]

    def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
        run, time, t = (torch.from_numpy(rng.integers(0, n, schedule.batch)) for n in (*nets.shape[:2], STEPS))
        theta, signal, starts = nets[run, time], asked[run, time], zoo.starts[run] if model.started else None
        chosen = torch.from_numpy(rng.integers(0, len(data.y), weights.pictures))
        x, y = data.x[chosen], data.y[chosen]
        x0, share = model.x0_of(theta, starts), alpha_bar()[t]
        found = model(noised(x0, t, torch.randn_like(x0)), t, signal, starts)
        told, meant = logits(model.nets_from(found, starts), x, shape), logits(theta, x, shape)
        missed = class_means(surprise(told, y) - surprise(meant, y), y, shape)
        said = (told - meant).square().mean((1, 2)) / meant.square().mean()
        function = weights.said * said + weights.losses * missed.square().sum(-1)
        clean = (share / (1 - share)).clamp(max=weights.most)
        return ((found - x0).square().mean(-1) / (1 - share).sqrt() + clean * function).mean()

    yield from fit(model, loss, schedule, checkpoint, model.card["seed"], torch.device("cpu"), torch.float32)
