"""A job makes its guard's monitor, goes on with it where it was stopped, and names the guard by its settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.jobs import toy_job
from unhype.concepts.schema import ConceptSet, Entry
from unhype.erasing.hypernet import HypernetConfig
from unhype.erasing.trainer import TrainingSettings
from unhype.monitor.fitting import MonitorSettings
from unhype.monitor.net import NetConfig
from unhype.monitor.rows import Amounts
from unhype.pipeline import job as jobs
from unhype.pipeline import making, monitoring
from unhype.pipeline.job import Job
from unhype.training import Schedule

SET = ConceptSet(
    "toy", "people", (Entry("Cher", "a woman"), Entry("Prince", "a man")), ("Drake", "Amy Adams"), ("Aaron Paul",)
)
MONITOR = MonitorSettings("always", 2, Amounts(3, 2, 2, 2), NetConfig(8), Schedule(3, 4, 1e-3))
TRAINING = TrainingSettings(
    hypernet=HypernetConfig(rank=2, hidden=8, basis=2, steps=10), schedule=Schedule(2, 2, 1e-3), retained=2, pictures=1
)


@pytest.fixture
def job(data: Path, tmp_path: Path) -> Job:
    return replace(toy_job(SET, data, tmp_path), monitor=MONITOR, training=TRAINING)


@pytest.mark.slow
def test_a_guard_gets_its_monitor(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    family = jobs.load_base(job)
    parts = [each.part for each in making.train(job, family)]
    assert list(dict.fromkeys(parts)) == ["base pictures", "training", "monitor's pictures", "monitor", "monitor's bar"]
    guard = jobs.guard_of(job)
    assert guard.monitor is not None
    assert guard.monitor.concepts == ("Cher", "Prince")
    assert guard.monitor.prompts == ("a photo of Cher", "a photo of Prince")
    own = guard.read(family, ["a photo of Cher", "a photo of Prince"])
    assert torch.equal(guard.monitor.c, own.c[torch.arange(2), own.opened.argmax(1)])
    assert guard.trained.facts["monitored"]["steps"] == 2
    assert not (job.guard_folder / "looks").exists()
    monkeypatch.setattr(monitoring, "record", None)
    assert list(making.train(job, family)) == []


@pytest.mark.slow
def test_a_stopped_monitor_goes_on(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    family = jobs.load_base(job)
    for each in making.train(job, family):
        if each.part == "monitor" and each.done == 1:
            break
    monkeypatch.setattr("unhype.monitor.recording.drawn", None)  # all pictures are there
    list(making.train(job, family))
    stopped = jobs.guard_of(job)
    monkeypatch.undo()
    other = replace(job, build=tmp_path / "other")
    list(making.train(other, family))
    assert stopped.trained.facts["sha256"] == jobs.guard_of(other).trained.facts["sha256"]


def test_a_guard_is_named_by_its_monitor_where_it_has_one(job: Job) -> None:
    never, more = (replace(job, monitor=replace(MONITOR, **change)) for change in ({"when": "never"}, {"steps": 3}))
    assert len({job.fingerprint, never.fingerprint, more.fingerprint}) == 3
    assert replace(never, monitor=replace(never.monitor, steps=9)).fingerprint == never.fingerprint


def test_by_itself_it_is_made_where_it_was_measured(job: Job) -> None:
    auto = replace(job, monitor=replace(MONITOR, when="auto"))
    assert auto.monitored
    assert not replace(auto, concepts=replace(SET, kind="styles")).monitored
    flux = replace(auto, base=jobs.find_base("mini-flux", auto.data))
    assert not flux.monitored
    assert replace(flux, monitor=MONITOR).monitored
