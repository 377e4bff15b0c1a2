"""Training: nets of the zoo, noised at a random time, are to be told from their losses and what is left of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from unhype.hyperforget.diffusion import STEPS, alpha_bar, noised
from unhype.hyperforget.model import HyperForget, signal_of, targets_of
from unhype.hyperforget.nets import Shape, nets_of, parts_of
from unhype.hyperforget.zoo import UNLEARNING, Zoo
from unhype.training import Report, Schedule, fit


def train(model: HyperForget, zoo: Zoo, schedule: Schedule, checkpoint: Path) -> Iterator[Report]:
    """Train a model in place, yielding a report a step; goes on from a checkpoint that lies there."""
    begin = -UNLEARNING if model.started else 0  # before, nothing has moved from its start
    targets = targets_of(zoo, model.started)[:, begin:]
    asked = signal_of(zoo.losses, zoo.forgotten, model.signal)[:, begin:]

    def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
        run, time, t = (torch.from_numpy(rng.integers(0, n, schedule.batch)) for n in (*targets.shape[:2], STEPS))
        nets, signal, starts = targets[run, time], asked[run, time], zoo.starts[run] if model.started else None
        if model.signal == "classes" and starts is not None:
            order = torch.from_numpy(rng.permuted(np.tile(np.arange(signal.shape[-1]), (len(run), 1)), axis=1))
            nets, starts = (relabelled(some, order, model.shape) for some in (nets, starts))
            signal = signal.gather(-1, order)
        x0 = (model.turned(nets) - model.mean) / model.scale[0]
        found = model(noised(x0, t, torch.randn_like(x0)), t, signal, starts)
        return ((found - x0).square().mean(-1) / (1 - alpha_bar()[t]).sqrt()).mean()

    yield from fit(model, loss, schedule, checkpoint, model.card["seed"], torch.device("cpu"), torch.float32)


def relabelled(nets: torch.Tensor, order: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Nets ``[n, size]`` that call class i what was class ``order[:, i]``."""
    inward, outward, bias = parts_of(nets, shape)
    return nets_of(inward, outward.gather(-1, order[:, None].expand_as(outward)), bias.gather(-1, order))
