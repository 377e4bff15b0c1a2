"""Runs: everything arrives, and a second attempt writes into the first one's run."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unhype.errors import UnhypeError
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import Store


def pictures(store: Store, run_id: str) -> set[tuple[str, str]]:
    """(key, step) of every picture in full size."""
    names = [Path(file.path).name.split("+") for file in store.client.list_artifacts(run_id, "images")]
    found = [(name[0], name[2]) for name in names if name[-1].endswith("png")]
    assert len(found) == len(set(found))
    return set(found)


def test_everything_arrives(store: Store, record: RunRecord) -> None:
    run_id = log_run(store, record)
    run = store.client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "celeb100"
    assert run.data.params == {"base": "mini-sd", "training.lr": "0.001", "training.steps": "2"}
    assert [(metric.step, metric.value) for metric in store.client.get_metric_history(run_id, "loss")] == [
        (1, 1.0),
        (2, 0.5),
    ]
    assert math.isnan(run.data.metrics["loss/retain"])
    assert run.data.metrics["unseen/H"] == 0.9
    assert run.data.tags["concept_set"] == "celeb100"
    assert run.data.tags["mlflow.note.content"] == "| a | table |"
    assert pictures(store, run_id) == {("before_after", "1"), ("before_after", "2")}
    assert {file.path for file in store.client.list_artifacts(run_id)} == {"images", "scores.json"}


def test_a_second_attempt_is_the_same_run(store: Store, record: RunRecord) -> None:
    first = log_run(store, record)
    assert log_run(store, record) == first
    assert len(store.client.search_runs([store.experiment_id()])) == 1
    assert [metric.step for metric in store.client.get_metric_history(first, "loss")] == [1, 2]
    assert len(store.client.get_metric_history(first, "loss/retain")) == 2
    assert pictures(store, first) == {("before_after", "1"), ("before_after", "2")}


def test_a_second_attempt_after_a_crash_fills_the_gaps(
    store: Store, record: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    def killed(self: MlflowClient, run_id: str, status: str | None = None) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_terminated", killed)
        with pytest.raises(KeyboardInterrupt):
            log_run(store, replace(record, history={1: {"loss": 1.0}}, final={}))
    later = replace(
        record, history={1: {"loss": 1.0}, 2: {"loss": 0.25}}, final={"loss": 0.25, "unseen/H": 0.8}, status="FAILED"
    )
    run = store.client.get_run(log_run(store, later))
    assert run.data.metrics["loss"] == 0.25
    assert run.info.status == "FAILED"
    assert len(store.client.search_runs([store.experiment_id()])) == 1


def test_a_figure_that_changed_counts_as_the_last(store: Store, record: RunRecord) -> None:
    log_run(store, record)
    lower = replace(record, final={"unseen/H": 0.1})
    assert store.client.get_run(log_run(store, lower)).data.metrics["unseen/H"] == 0.1
    assert len(store.client.get_metric_history(log_run(store, lower), "unseen/H")) == 2


def test_another_metaflow_run_is_another_run(store: Store, record: RunRecord) -> None:
    assert log_run(store, record) != log_run(store, replace(record, metaflow_run="TrainFlow/18"))


def test_other_parameters_are_refused(store: Store, record: RunRecord) -> None:
    log_run(store, record)
    with pytest.raises(UnhypeError, match=r"got base = other .*TrainFlow/17.* with mini-sd: start a new run"):
        log_run(store, replace(record, params={"base": "other"}))


def test_a_long_run_goes_in_batches(store: Store, record: RunRecord) -> None:
    long = replace(
        record, params={f"p{i}": i for i in range(250)}, history={step: {"a": step, "b": -step} for step in range(1500)}
    )
    run = store.client.get_run(log_run(store, long))
    assert len(run.data.params) == 250
    assert run.data.metrics["a"] == 1499
    assert len(store.client.get_metric_history(run.info.run_id, "b")) == 1500


def test_mistakes_are_found_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UnhypeError, match="got no file"):
        RunRecord(name="a", metaflow_run="TrainFlow/1", files=[tmp_path / "absent.html"])
    (tmp_path / "a.json").touch()
    with pytest.raises(UnhypeError, match=r"two files a\.json"):
        RunRecord(name="a", metaflow_run="TrainFlow/1", files=[tmp_path / "a.json", tmp_path / "." / "a.json"])
    with pytest.raises(UnhypeError, match="Metaflow run ''"):
        RunRecord(name="a", metaflow_run="", pictures={0: np.zeros((1, 1, 3), np.uint8)})
