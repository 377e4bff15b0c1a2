"""HyperForget beside its nulls, beside unlearning itself, and beside a net that never saw the digit: one table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch

from unhype.hyperforget.digits import Split
from unhype.hyperforget.measures import alignment, distances, membership
from unhype.hyperforget.model import HyperForget
from unhype.hyperforget.nets import accuracies, canonical, class_losses, initial
from unhype.hyperforget.nulls import nulls
from unhype.hyperforget.zoo import Zoo, ZooSettings, learn, unlearn

PROMPTS = torch.linspace(0.5, 16.0, 12)
"""Losses L_f that are asked for, in nats."""

OWN, TRAINED, RETRAINED, UNLEARNED = "HyperForget", "trained on D", "retrained on D_r", "unlearnt by descent"


def evaluate(model: HyperForget, zoo: Zoo, split: Split, digit: int, steps: int) -> Iterator[dict[str, Any]]:
    """Rows of the table, one a method, as they are measured.

    A row has, mean over the zoo's held-out nets (as many draws where none is started from): ``R2`` over all prompts;
    at the highest one ``forget_train``, ``forget_test``, ``retain_test`` (accuracies), ``membership``, ``distance`` to
    the zoo, ``ms`` a net, and ``got`` at each prompt. Divide by the row of the retrained, or of those unlearnt, for shares.

    Args:
        digit: to forget.
        steps: of denoising.
    """
    held, count = zoo.held_out, len(zoo.held_out)
    settings, shape = ZooSettings(**zoo.card["settings"]), zoo.shape
    generator = torch.Generator().manual_seed(split.seed + 1)
    flat, seeds = zoo.nets.flatten(0, 1), torch.arange(count)

    def row(name: str, make: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor], prompts: torch.Tensor) -> dict[str, Any]:
        began = time.process_time()
        # Prompt after prompt of all nets at once: [prompts × nets, …].
        signals = torch.stack([model.ask([digit], float(loss)) for loss in prompts]).repeat_interleave(count, 0)
        nets = make(signals, seeds.repeat(len(prompts)), held.repeat(len(prompts), 1))
        spent = time.process_time() - began
        got = class_losses(nets, split.train, shape)[:, digit].unflatten(0, (-1, count)).T
        last = canonical(nets[-count:], shape)
        return {
            "method": name,
            **({"R2": alignment(prompts, got)} if len(prompts) > 1 else {}),
            "forget_train": float(accuracies(last, split.train.only(digit), shape).mean()),
            "forget_test": float(accuracies(last, split.test.only(digit), shape).mean()),
            "retain_test": float(accuracies(last, split.test.without(digit), shape).mean()),
            "membership": float(membership(last, split, digit, shape).mean()),
            "distance": float(distances(last, flat, shape).mean()),
            "ms": 1000 * spent / len(nets),
            "got": got.mean(0).tolist(),
        }

    def unlearnt(signals: torch.Tensor, seeds: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        c = PROMPTS.repeat_interleave(count)
        *_, nets = unlearn(starts, c, torch.full_like(seeds, digit), split.train, settings, shape, generator)
        return nets

    def retrained(signals: torch.Tensor, seeds: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        *_, nets = learn(initial(count, shape, generator), split.train.without(digit), settings, shape, generator)
        return nets

    def sampled(signals: torch.Tensor, seeds: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        return model.sample(signals, seeds.tolist(), starts if model.started else None, steps)

    highest = PROMPTS[-1:]
    yield row(TRAINED, lambda signals, seeds, starts: starts, highest)
    yield row(RETRAINED, retrained, highest)
    yield row(UNLEARNED, unlearnt, PROMPTS)
    yield row(OWN, sampled, PROMPTS)
    for name, null in nulls(model, zoo).items():
        yield row(name, null, PROMPTS)
