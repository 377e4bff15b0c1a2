"""The one training loop: AdamW or Muon, one cosine cycle, bf16 arithmetic, moving average, checkpoints.

Whoever trains gives parameters and a loss of (step, random generator); the loop yields reports and leaves logging and
stopping to the caller. Every random draw of a step comes from the seed and the step's number, so a run that was killed
and resumed sees the same batches as one that was not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import nn

from unhype.files import write_tensors

PRECISIONS = ("auto", "bf16", "fp32")
"""Arithmetic of the forward and backward passes; weights and optimiser stay float32. ``auto`` is bf16 where the device
has it: a processor without takes many times as long for it (docs/experiments/speed.md)."""


def arithmetic_of(precision: str, device: torch.device) -> torch.dtype:
    """What one of ``PRECISIONS`` means on a device."""
    if precision == "auto":
        return torch.bfloat16 if _has_bf16(device) else torch.float32
    return {"bf16": torch.bfloat16, "fp32": torch.float32}[precision]


def computing_in(precision: torch.dtype, device: torch.device) -> torch.autocast:
    """A context in which matrix products are computed in this arithmetic."""
    return torch.autocast(device.type, precision, enabled=precision != torch.float32)


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        able = torch.cpu.get_capabilities()
        return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return device.type == "meta"  # of a plan: the cards that it is for all have it


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a stage trains.

    Attributes:
        steps: optimiser steps.
        batch: pictures a step.
        rate: AdamW's highest learning rate; a twentieth of the steps warm up, then it falls along a cosine to a
            hundredth.
        decay: AdamW's weight decay.
        average: decay of the exponential moving average of the weights; 0 keeps the last weights.
        muon: train matrices by Muon (Jordan et al. 2024; its updates are scaled to AdamW's size, as Liu et al. 2025 do,
            so that rate and decay mean the same), and by AdamW only embeddings and vectors.
    """

    steps: int
    batch: int
    rate: float
    decay: float = 0.01
    average: float = 0.0
    muon: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1 or self.rate <= 0 or not 0 <= self.average < 1:
            raise ValueError(f"got {self}, wanted steps ≥ 1, batch ≥ 1, rate > 0 and 0 ≤ average < 1")

    def rate_at(self, step: int) -> float:
        """Learning rate of a step."""
        warm_up = max(1, self.steps // 20)
        if step < warm_up:
            return self.rate * (step + 1) / warm_up
        progress = (step - warm_up) / max(1, self.steps - warm_up)
        return self.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


@dataclass(frozen=True)
class Report:
    """One step of a stage: number, of how many, loss."""

    step: int
    steps: int
    loss: float


def fit(
    model: nn.Module,
    loss: Callable[[int, np.random.Generator], torch.Tensor],
    schedule: Schedule,
    checkpoint: Path,
    seed: int,
    device: torch.device,
    precision: torch.dtype = torch.bfloat16,
    checkpoint_seconds: float = 60.0,
) -> Iterator[Report]:
    """Train ``model`` in place, resuming from ``checkpoint`` where one lies there; ends with the averaged weights.

    Args:
        loss: the step's loss, as a scalar; runs under autocast to ``precision``.
        checkpoint: a safetensors file; rewritten every ``checkpoint_seconds`` and when the caller or Ctrl-C stops
            early.
    """
    parameters = dict(model.named_parameters())
    optimizers = _optimizers(model, schedule)
    average = {name: p.detach().clone() for name, p in parameters.items()} if schedule.average else {}
    state = _State(model, parameters, optimizers, average, checkpoint)
    done = state.load()
    saved = time.monotonic()
    consistent = True  # False while weights, moments and average belong to different steps
    try:
        for step in range(done, schedule.steps):
            rng = np.random.default_rng([seed, step])
            torch.manual_seed(int(rng.integers(2**31)))
            with computing_in(precision, device):
                value = loss(step, rng)
            model.zero_grad(set_to_none=True)
            value.backward()
            nn.utils.clip_grad_norm_(parameters.values(), 1.0)
            for group in chain.from_iterable(optimizer.param_groups for optimizer in optimizers):
                group["lr"] = schedule.rate_at(step)
            consistent = False
            for optimizer in optimizers:
                optimizer.step()
            if average:
                weight = min(schedule.average, (step + 1) / (step + 10))
                torch._foreach_lerp_(list(average.values()), [p.detach() for p in parameters.values()], 1 - weight)
            done, consistent = step + 1, True
            if time.monotonic() - saved > checkpoint_seconds or done == schedule.steps:
                state.save(done)
                saved = time.monotonic()
            yield Report(done, schedule.steps, float(value.detach()))
    finally:
        if consistent and done < schedule.steps:
            state.save(done)
    with torch.no_grad():
        for name, value in average.items():
            parameters[name].copy_(value)


def finished_weights(checkpoint: Path, schedule: Schedule) -> dict[str, torch.Tensor] | None:
    """The state dict with which a finished stage ends, averaged weights in place of the last ones; None if it is not
    finished."""
    if not checkpoint.exists():
        return None
    with safe_open(checkpoint, framework="pt") as file:
        if int(file.metadata()["done"]) < schedule.steps:
            return None
        keys = list(file.keys())
        weights = {
            key.removeprefix(part): file.get_tensor(key)
            for part in ("model/", "average/")
            for key in keys
            if key.startswith(part)
        }
        return weights | {other: weights[name] for other, name in _tied(file.metadata()).items()}


def _tied(metadata: Mapping[str, str]) -> dict[str, str]:
    """Other names of tensors that a model has under two names, as T5 its embedding; each is stored once."""
    names: dict[str, str] = json.loads(metadata.get("tied", "{}"))
    return names


def _optimizers(model: nn.Module, schedule: Schedule) -> list[torch.optim.Optimizer]:
    matrices = {id(module.weight) for module in model.modules() if isinstance(module, nn.Linear)}
    chosen = [p for p in model.parameters() if schedule.muon and id(p) in matrices]
    others = [p for p in model.parameters() if not (schedule.muon and id(p) in matrices)]
    adam = torch.optim.AdamW(others, lr=schedule.rate, weight_decay=schedule.decay, betas=(0.9, 0.99), fused=True)
    if not chosen:
        return [adam]
    muon = torch.optim.Muon(chosen, lr=schedule.rate, weight_decay=schedule.decay, adjust_lr_fn="match_rms_adamw")
    return [adam, muon]


@dataclass
class _State:
    """Everything that a resumed run needs: weights, buffers, the optimiser's moments, the average, the number of steps
    done."""

    model: nn.Module
    parameters: dict[str, nn.Parameter]
    optimizers: list[torch.optim.Optimizer]
    average: dict[str, torch.Tensor]
    path: Path

    def save(self, done: int) -> None:
        state = self.model.state_dict()
        places = {parameter.data_ptr(): name for name, parameter in self.parameters.items()}
        tied = {k: places[v.data_ptr()] for k, v in state.items() if places.get(v.data_ptr(), k) != k}
        tensors = {f"model/{k}": v for k, v in state.items() if k not in tied}
        tensors |= {f"average/{k}": v for k, v in self.average.items()}
        for name, parameter in self.parameters.items():
            for key, value in self._moments(parameter).items():
                tensors[f"optimizer/{key}/{name}"] = value
        write_tensors(self.path, tensors, {"done": str(done), "tied": json.dumps(tied)})

    @torch.no_grad()
    def load(self) -> int:
        if not self.path.exists():
            return 0
        with safe_open(self.path, framework="pt") as file:
            keys = list(file.keys())
            weights = {k[6:]: file.get_tensor(k) for k in keys if k.startswith("model/")}
            weights |= {other: weights[name] for other, name in _tied(file.metadata()).items()}
            self.model.load_state_dict(weights, strict=True)
            for name, value in self.average.items():
                value.copy_(file.get_tensor(f"average/{name}"))
            for key in (k for k in keys if k.startswith("optimizer/")):
                _, field, name = key.split("/", 2)
                parameter = self.parameters[name]
                value = file.get_tensor(key)
                # The fused optimiser walks parameter and moments in memory order: both must have the same layout.
                self._moments(parameter)[field] = value if field == "step" else torch.empty_like(parameter).copy_(value)
            return int(file.metadata()["done"])

    def _moments(self, parameter: nn.Parameter) -> dict[str, torch.Tensor]:
        """What the parameter's own optimiser remembers of it."""
        mine = next(o for o in self.optimizers if any(parameter is p for g in o.param_groups for p in g["params"]))
        moments: dict[str, torch.Tensor] = mine.state[parameter]
        return moments
