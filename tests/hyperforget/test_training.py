"""Training lowers the loss, and a run that was stopped ends where one that was not does."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
import torch

from tests.hyperforget.conftest import untrained
from unhype.hyperforget.digits import Split
from unhype.hyperforget.training import LossSettings, train
from unhype.hyperforget.zoo import Zoo
from unhype.training import Schedule

SCHEDULE = Schedule(steps=12, batch=8, rate=1e-3, average=0.9, muon=True)


@pytest.mark.parametrize(("signal", "start"), [("two", "none"), ("classes", "trained")])
def test_stopped_and_resumed_equals_never_stopped(
    signal: str, start: str, zoo: Zoo, class_zoo: Zoo, split: Split, tmp_path: Path
) -> None:
    own, digit = (class_zoo, 7) if signal == "classes" else (zoo, 3)
    whole = untrained(own, signal, start, digit)
    reports = list(train(whole, own, split.train, LossSettings(), SCHEDULE, tmp_path / "whole.safetensors"))
    assert [report.step for report in reports] == list(range(1, 13))
    stopped = train(
        untrained(own, signal, start, digit), own, split.train, LossSettings(), SCHEDULE, tmp_path / "parts.safetensors"
    )
    assert len(list(islice(stopped, 5))) == 5
    stopped.close()
    resumed = untrained(own, signal, start, digit)
    first, *_ = [
        report.step
        for report in train(resumed, own, split.train, LossSettings(), SCHEDULE, tmp_path / "parts.safetensors")
    ]
    assert first == 6
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


@pytest.mark.slow
def test_a_model_learns_its_zoo(zoo: Zoo, split: Split, tmp_path: Path) -> None:
    schedule = Schedule(steps=200, batch=32, rate=3e-3, muon=True)
    model = untrained(zoo)
    losses = [
        report.loss for report in train(model, zoo, split.train, LossSettings(), schedule, tmp_path / "c.safetensors")
    ]
    assert sum(losses[-20:]) < 0.7 * sum(losses[:20])
