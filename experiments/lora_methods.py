"""Who gives a LoRA for a name's CLIP vector and two asked losses: a diffusion over the bank's LoRAs, and its nulls.

Shapes: n LoRAs asked for, k names of the bank that are seen, T steps of their paths, ``size`` numbers, d width of c.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from unhype.hyperforget.denoiser import DenoiserSettings, Layer, waves
from unhype.hyperforget.diffusion import STEPS, alpha_bar, denoised, noised
from unhype.training import Report, Schedule, fit

COMPONENTS, FOLDS = 80, 5


@dataclass(frozen=True)
class Zoo:
    """The LoRAs of the names that are seen.

    Attributes:
        nets: canonical, ``[k, T, size]``.
        losses: what is left of the name, and how far others move, ``[k, T, 2]``.
        c: ``[k, d]``.
        sizes: numbers of each site.
    """

    nets: torch.Tensor
    losses: torch.Tensor
    c: torch.Tensor
    sizes: Sequence[int]

    @cached_property
    def centre(self) -> torch.Tensor:
        """Their mean, ``[size]``."""
        return self.nets.mean((0, 1))

    @cached_property
    def spread(self) -> torch.Tensor:
        """How far they scatter, one number a site, ``[size]``."""
        off = (self.nets - self.centre).square().mean((0, 1))
        return torch.cat([part.mean().sqrt().expand_as(part) for part in off.split(list(self.sizes))])

    @cached_property
    def scaled(self) -> torch.Tensor:
        """They, centred and of variance about one."""
        return (self.nets - self.centre) / self.spread

    def unscaled(self, x: torch.Tensor) -> torch.Tensor:
        """Back again."""
        return x * self.spread + self.centre

    def step_near(self, asked: torch.Tensor) -> torch.Tensor:
        """For each asked pair ``[n, 2]`` the step at which every name's losses come nearest, ``[n, k]``."""
        off = (self.losses[None] - asked[:, None, None]) / self.losses.std((0, 1))
        return off.square().sum(-1).argmin(-1)


def nearest(zoo: Zoo, c: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
    """The LoRA of the seen name whose vector is the most alike, at the step whose losses are nearest."""
    middle = zoo.c.mean(0)
    name = (F.normalize(c - middle, dim=-1) @ F.normalize(zoo.c - middle, dim=-1).T).argmax(1)
    return zoo.nets[name, zoo.step_near(asked).gather(1, name[:, None])[:, 0]]


def mean(zoo: Zoo, c: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
    """The mean over all seen names, each at the step whose losses are nearest; c is not read."""
    places = torch.arange(len(zoo.nets))
    return torch.stack([zoo.nets[places, step].mean(0) for step in zoo.step_near(asked)])


class Principal:
    """Principal components of the LoRAs, and a linear map to them from c and losses (ridge; weights2weights' space).

    From their products too: how far a name's own direction is gone depends on the losses.

    Args:
        ridge: how much; if None, as little as is best for the LoRAs of names that are left out, by the square.
    """

    def __init__(self, zoo: Zoo, ridge: float | None = None) -> None:
        self.zoo, flat = zoo, zoo.scaled.flatten(0, 1)
        self.axes = torch.linalg.svd(flat, full_matrices=False).Vh[:COMPONENTS].T
        causes = self._causes(zoo.c.repeat_interleave(zoo.nets.shape[1], 0), zoo.losses.flatten(0, 1))
        targets = flat @ self.axes
        fold = torch.arange(len(zoo.nets)).repeat_interleave(zoo.nets.shape[1]) % FOLDS

        def missed(ridge: float) -> float:
            total = 0.0
            for out in (fold == i for i in range(FOLDS)):
                line = _ridge(causes[~out], targets[~out], ridge)
                total += float((causes[out] @ line - targets[out]).square().sum())
            return total

        self.ridge = min(10.0 ** np.arange(-2, 5), key=missed) if ridge is None else ridge
        self.line = _ridge(causes, targets, self.ridge)

    def __call__(self, c: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        return self.zoo.unscaled(self._causes(c, asked) @ self.line @ self.axes.T)

    def _causes(self, c: torch.Tensor, losses: torch.Tensor) -> torch.Tensor:
        one = torch.ones(len(c), 1)
        told, who = torch.cat([one, _told(losses)], 1), torch.cat([one, _standard(c, self.zoo)], 1)
        return (told[:, :, None] * who[:, None]).flatten(1)


def _ridge(causes: torch.Tensor, targets: torch.Tensor, ridge: float) -> torch.Tensor:
    X, Y = causes.double(), targets.double()
    return torch.linalg.solve(X.T @ X + ridge * torch.eye(X.shape[1], dtype=X.dtype), X.T @ Y).float()


def _told(losses: torch.Tensor) -> torch.Tensor:
    return torch.cat([losses, (losses + 0.03).log()], -1)


def _standard(c: torch.Tensor, zoo: Zoo) -> torch.Tensor:
    """c as it differs among names."""
    return (c - zoo.c.mean(0)) / (zoo.c - zoo.c.mean(0)).square().mean().sqrt()


class LoraDenoiser(nn.Module):
    """x_t, t, c and losses → x_0: one token a site, through layers of its own; else as hyperforget/denoiser.py."""

    def __init__(self, zoo: Zoo, settings: DenoiserSettings) -> None:
        super().__init__()
        self.zoo, self.width = zoo, settings.width
        said, wide = self.width + 4 + zoo.c.shape[1], 2 * self.width
        self.inward = nn.ModuleList(nn.Linear(size, self.width) for size in zoo.sizes)
        self.outward = nn.ModuleList(nn.Linear(self.width, size) for size in zoo.sizes)
        self.condition = nn.Sequential(nn.Linear(said, wide), nn.SiLU(), nn.Linear(wide, self.width))
        self.layers = nn.ModuleList(Layer(self.width, settings.heads) for _ in range(settings.layers))

    def forward(self, x: torch.Tensor, t: torch.Tensor, c: torch.Tensor, losses: torch.Tensor) -> torch.Tensor:
        """``[n, size]``, ``[n]``, ``[n, d]``, ``[n, 2]`` → what x_0 is thought to be."""
        parts = x.split(list(self.zoo.sizes), 1)
        tokens = torch.stack([layer(part) for layer, part in zip(self.inward, parts, strict=True)], 1)
        said = [waves(t / STEPS, self.width), _told(losses), _standard(c, self.zoo)]
        condition = F.silu(self.condition(torch.cat(said, 1)))
        for layer in self.layers:
            tokens = layer(tokens, condition)
        tokens = F.layer_norm(tokens, (self.width,))
        found = torch.cat([layer(tokens[:, i]) for i, layer in enumerate(self.outward)], 1)
        share = alpha_bar()[t, None]
        return share.sqrt() * x + (1 - share).sqrt() * found

    def train_on(self, schedule: Schedule, seed: int, checkpoint: Path) -> Iterator[Report]:
        """By the square of weights, as hyperforget/training.py without what nets say: that would be a U-Net each."""
        zoo, nets = self.zoo, self.zoo.scaled

        def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
            k, time, t = (torch.from_numpy(rng.integers(0, n, schedule.batch)) for n in (*nets.shape[:2], STEPS))
            x0 = nets[k, time]
            found = self(noised(x0, t, torch.randn_like(x0)), t, zoo.c[k], zoo.losses[k, time])
            return ((found - x0).square().mean(1) / (1 - alpha_bar()[t]).sqrt()).mean()

        yield from fit(self, loss, schedule, checkpoint, seed, torch.device("cpu"), torch.float32)

    @torch.no_grad()
    def sample(self, c: torch.Tensor, asked: torch.Tensor, seed: int, steps: int) -> torch.Tensor:
        """LoRAs ``[n, size]`` out of noise; one step is a regression."""
        noise = torch.randn(len(c), sum(self.zoo.sizes), generator=torch.Generator().manual_seed(seed))
        x = denoised(lambda x, t: self(x, torch.full((len(x),), t), c, asked), noise, steps)
        return self.zoo.unscaled(x)
