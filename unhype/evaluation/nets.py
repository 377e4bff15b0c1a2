"""HyperForget beside its nulls, beside unlearning itself, and beside nets that never saw the digit: one table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch

from unhype.evaluation.measures import alignment, distance, membership
from unhype.evaluation.nulls import Method, nulls, sampler
from unhype.hyperforget.digits import Split
from unhype.hyperforget.model import HyperForget
from unhype.hyperforget.nets import accuracies, canonical, class_losses
from unhype.hyperforget.zoo import Teacher, Zoo

PROMPTS = torch.linspace(0.5, 16.0, 12)
"""Losses L_f that are asked for, in nats."""


def evaluate(model: HyperForget, zoo: Zoo, split: Split, digit: int) -> Iterator[dict[str, Any]]:
    """Rows of the table, one a ``method``, as they are measured.

    A row has, mean over nets (those that the zoo held out, as many draws where none is started from): ``R2`` over all
    prompts, ``got`` at each, ``ms`` of a net; and at the highest prompt ``forget_train``, ``forget_test``,
    ``retain_test`` (accuracies), ``membership``, and ``distance`` from the zoo.
    """
    count, shape, train = len(zoo.held_out), zoo.shape, split.train
    teacher = Teacher(train, zoo.settings, split.seed + 1)

    def row(name: str, method: Method, prompts: torch.Tensor = PROMPTS) -> dict[str, Any]:
        # Prompt after prompt, each of all nets: [prompts × nets, …].
        asked = torch.stack([model.ask([digit], float(loss)) for loss in prompts]).repeat_interleave(count, 0)
        seeds, starts = torch.arange(count).repeat(len(prompts)), zoo.held_out.repeat(len(prompts), 1)
        began = time.process_time()
        nets = method(asked, seeds, starts)
        spent = time.process_time() - began
        got = class_losses(nets, train, shape)[:, digit].unflatten(0, (-1, count)).T
        last = canonical(nets[-count:], shape)
        data = {
            "forget_train": train.only(digit),
            "forget_test": split.test.only(digit),
            "retain_test": split.test.only(digit, others=True),
        }
        return {
            "method": name,
            "R2": alignment(prompts, got) if len(prompts) > 1 else None,
            **{key: float(accuracies(last, part, shape).mean()) for key, part in data.items()},
            "membership": membership(last, split, digit, shape),
            "distance": distance(last, zoo.nets.flatten(0, 1), shape),
            "ms": 1000 * spent / len(nets),
            "got": got.mean(0).tolist(),
        }

    def retrained(asked: torch.Tensor, seeds: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        *_, nets = teacher.learn(torch.full_like(seeds, digit))
        return nets

    def unlearnt(asked: torch.Tensor, seeds: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        *_, nets = teacher.unlearn(starts, PROMPTS.repeat_interleave(count), torch.full_like(seeds, digit))
        return nets

    yield row("trained on D", lambda asked, seeds, starts: starts, PROMPTS[-1:])
    yield row("retrained on D_r", retrained, PROMPTS[-1:])
    yield row("unlearnt by descent", unlearnt)
    yield row("HyperForget", sampler(model))
    for name, method in nulls(model, zoo).items():
        yield row(name, method)
