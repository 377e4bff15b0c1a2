"""Training: nets of the zoo, noised at a random time, are to be told from their losses and what is left of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from unhype.hyperforget.diffusion import STEPS, alpha_bar, noised
from unhype.hyperforget.model import HyperForget, signal_of, targets_of
from unhype.hyperforget.nets import Shape, nets_of, tokens_of
from unhype.hyperforget.zoo import Zoo
from unhype.training import Report, Schedule, fit


def train(model: HyperForget, zoo: Zoo, schedule: Schedule, checkpoint: Path) -> Iterator[Report]:
    """Train a model in place, yielding a report a step; goes on from a checkpoint that lies there."""
    targets = targets_of(zoo, model.started)
    asked = signal_of(zoo.losses, zoo.forgotten[:, None], model.signal)
    # What has not set out from its start yet is nothing to learn.
    begin = targets.shape[1] - 14 if model.started else 0
    relabels = model.signal == "classes" and model.started

    def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
        run = torch.from_numpy(rng.integers(0, targets.shape[0], schedule.batch))
        time = torch.from_numpy(rng.integers(begin, targets.shape[1], schedule.batch))
        t = torch.from_numpy(rng.integers(0, STEPS, schedule.batch))
        x0, signal = (targets[run, time] - model.mean) / model.scale, asked[run, time]
        starts = zoo.starts[run] if model.started else None
        if relabels:
            order = torch.from_numpy(rng.permuted(np.tile(np.arange(signal.shape[-1]), (len(run), 1)), axis=1))
            x0, signal = relabelled(x0, order, model.shape), signal.gather(-1, order)
            starts = None if starts is None else relabelled(starts, order, model.shape)
        found = model(noised(x0, t, torch.randn_like(x0)), t, signal, starts)
        return ((found - x0).square().mean(-1) / (1 - alpha_bar()[t]).sqrt()).mean()

    for report in fit(model, loss, schedule, checkpoint, model.card["seed"], torch.device("cpu"), torch.float32):
        yield report


def relabelled(nets: torch.Tensor, order: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Nets ``[n, size]`` that call class i what was class ``order[:, i]``."""
    tokens, bias = tokens_of(nets, shape)
    inward, outward = tokens.split([shape.inputs + 1, shape.classes], dim=-1)
    outward = outward.gather(-1, order[:, None].expand_as(outward))
    return nets_of(torch.cat([inward, outward], dim=-1), bias.gather(-1, order))
