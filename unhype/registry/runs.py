"""One training run in MLflow, written at once from plain values.

A Metaflow task that is tried again writes into the run it began: one run, never two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

from unhype.errors import UnhypeError
from unhype.registry.store import Store
from unhype.registry.trouble import mlflow_errors

if TYPE_CHECKING:
    import numpy as np
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run
    from PIL.Image import Image

BATCH = 900
"""Metrics at a time; MLflow takes 1000 of everything."""

PARAMETERS = 100
"""Parameters at a time, as MLflow has it."""


@dataclass(frozen=True)
class RunRecord:
    """Everything there is to say about a run.

    Attributes:
        name: as the UI lists it.
        metaflow_run: such as ``TrainFlow/17``: what makes two records the same run.
        params: settings; mappings within become dotted names.
        history: training step → metrics.
        final: metrics of the whole run.
        pictures: step → a picture of the same prompts and seeds before and after, ``uint8 [h, w, 3]`` or PIL; the UI
            has a slider for the step.
        files: reports, scores, galleries; a folder comes with everything in it.
        tags: versions and hashes of what went in.
        note: Markdown above the run.
        status: FINISHED, FAILED or KILLED.
    """

    name: str
    metaflow_run: str
    params: Mapping[str, Any] = field(default_factory=dict)
    history: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    final: Mapping[str, float] = field(default_factory=dict)
    pictures: Mapping[int, np.ndarray | Image] = field(default_factory=dict)
    files: Sequence[Path] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    status: str = "FINISHED"

    def __post_init__(self) -> None:
        if not self.metaflow_run or "'" in self.metaflow_run:
            raise UnhypeError(
                f"got the Metaflow run {self.metaflow_run!r}, wanted one such as TrainFlow/17: a run is known by it"
            )
        for path in self.files:
            if not path.exists():
                raise UnhypeError(f"got no file {path} for the run {self.name}: check the path")
        names = [path.name for path in self.files]
        if twice := [name for name in names if names.count(name) > 1]:
            raise UnhypeError(f"got two files {twice[0]} for the run {self.name}, wanted one of each name: rename one")


def log_run(store: Store, record: RunRecord) -> str:
    """Write a run, or over what an earlier attempt has left of it; returns the run id.

    Metrics can't be taken back in MLflow: one that differs from the earlier attempt's is added after it, and counts as
    the last.

    Raises:
        UnhypeError: a parameter differs from the earlier attempt's, or trouble with the store.
    """
    with mlflow_errors(store.place):
        client, run = store.client, _begin(store, record)
        run_id: str = run.info.run_id
        client.log_batch(run_id, tags=_tags(record))
        _log_params(client, run, record)
        for batch in _batches(_news(client, run, record)):
            client.log_batch(run_id, metrics=batch)
        _log_pictures(client, run, record)
        for path in record.files:
            client.log_artifact(run_id, str(path))
        client.set_terminated(run_id, record.status)
    return run_id


def _begin(store: Store, record: RunRecord) -> Run:
    experiment = store.experiment_id()
    found = store.client.search_runs([experiment], f"tags.metaflow_run = '{record.metaflow_run}'", max_results=1)
    if not found:
        return store.client.create_run(experiment, tags={"metaflow_run": record.metaflow_run}, run_name=record.name)
    store.client.update_run(found[0].info.run_id, status="RUNNING", name=record.name)
    return found[0]


def _tags(record: RunRecord) -> list[Any]:
    from mlflow.entities import RunTag

    note = {"mlflow.note.content": record.note} if record.note else {}
    return [RunTag(key, str(value)) for key, value in {**record.tags, **note}.items()]


def _log_params(client: MlflowClient, run: Run, record: RunRecord) -> None:
    from mlflow.entities import Param

    wanted = dict(_flat(record.params))
    for key, value in wanted.items():
        if run.data.params.get(key, value) != value:
            raise UnhypeError(
                f"got {key} = {value} for the Metaflow run {record.metaflow_run}, "
                f"which MLflow knows with {run.data.params[key]}: start a new run of the flow"
            )
    new = iter([Param(key, value) for key, value in wanted.items() if key not in run.data.params])
    while part := list(islice(new, PARAMETERS)):
        client.log_batch(run.info.run_id, params=part)


def _flat(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)


def _news(client: MlflowClient, run: Run, record: RunRecord) -> Iterator[Metric]:
    """The metrics that the run does not have yet."""
    from mlflow.entities import Metric

    last = max(record.history, default=0)
    wanted = {(key, step): float(value) for step, metrics in record.history.items() for key, value in metrics.items()}
    wanted |= {(key, last): float(value) for key, value in record.final.items()}
    there = {
        (metric.key, metric.step): metric.value
        for key in run.data.metrics
        for metric in sorted(client.get_metric_history(run.info.run_id, key), key=lambda metric: int(metric.timestamp))
    }
    now = int(time() * 1000)
    for (key, step), value in wanted.items():
        if repr(there.get((key, step))) != repr(value):  # as text: NaN is NaN
            yield Metric(key, value, now, step)


def _batches(metrics: Iterator[Metric]) -> Iterator[list[Metric]]:
    while part := list(islice(metrics, BATCH)):
        yield part


def _log_pictures(client: MlflowClient, run: Run, record: RunRecord) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    if any(file.path == "images" for file in client.list_artifacts(run.info.run_id)):
        get_artifact_repository(run.info.artifact_uri, tracking_uri=client.tracking_uri).delete_artifacts("images")
    for step, picture in sorted(record.pictures.items()):
        client.log_image(run.info.run_id, picture, key="before_after", step=step, synchronous=True)
