"""The training loop: a run that is stopped and resumed ends with the weights of one that was not."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from unhype.training import PRECISIONS, Schedule, arithmetic_of, fit

SCHEDULE = Schedule(steps=12, batch=4, rate=0.05, average=0.9)


def run(path: Path, stop_after: int | None = None, schedule: Schedule = SCHEDULE) -> nn.Linear:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)

    def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
        inputs = torch.from_numpy(rng.standard_normal((schedule.batch, 3), dtype=np.float32))
        return ((model(inputs) - inputs[:, :2] + torch.rand(schedule.batch, 2)) ** 2).mean()

    for report in fit(model, loss, schedule, path, seed=5, device=torch.device("cpu"), precision=torch.float32):
        if report.step == stop_after:
            break
    return model


def test_stopped_and_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole.safetensors")
    run(tmp_path / "parts.safetensors", stop_after=5)
    resumed = run(tmp_path / "parts.safetensors")
    assert torch.equal(whole.weight, resumed.weight)
    assert torch.equal(whole.bias, resumed.bias)


def test_a_finished_run_trains_no_further(tmp_path: Path) -> None:
    once = run(tmp_path / "run.safetensors")
    again = run(tmp_path / "run.safetensors")
    assert torch.equal(once.weight, again.weight)


def test_the_loss_falls(tmp_path: Path) -> None:
    model = run(tmp_path / "run.safetensors", schedule=Schedule(steps=200, batch=32, rate=0.05, average=0.9))
    inputs = torch.randn(1000, 3, generator=torch.Generator().manual_seed(1))
    assert ((model(inputs) - inputs[:, :2] + 0.5) ** 2).mean() < 0.02


def test_warm_up_then_cosine() -> None:
    schedule = Schedule(steps=100, batch=1, rate=1.0)
    rates = [schedule.rate_at(step) for step in range(100)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert all(a >= b for a, b in pairwise(rates[5:]))
    assert rates[-1] < 0.02


@pytest.mark.parametrize("change", [{"steps": 0}, {"batch": 0}, {"rate": 0.0}, {"average": 1.0}])
def test_impossible_schedules_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="wanted"):
        Schedule(**{"steps": 1, "batch": 1, "rate": 0.1, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("able", "means"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16), ({"avx2": True}, torch.float32)],
)
def test_bf16_is_for_processors_that_have_it(
    able: dict[str, bool], means: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: able)
    assert arithmetic_of("auto", torch.device("cpu")) == means
    assert arithmetic_of("bf16", torch.device("cpu")) == torch.bfloat16
    assert arithmetic_of("fp32", torch.device("cpu")) == torch.float32


@pytest.mark.parametrize("able", [True, False])
def test_and_for_cards_that_have_it(able: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: able)
    assert arithmetic_of("auto", torch.device("cuda")) == (torch.bfloat16 if able else torch.float32)


def test_this_machine_has_an_arithmetic() -> None:
    assert {arithmetic_of(each, torch.device("cpu")) for each in PRECISIONS} == {torch.bfloat16, torch.float32}
