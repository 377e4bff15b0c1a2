"""What an evaluation after the training found: a run of its own in MLflow, and figures on the version's page.

No alias moves, and no verdict: that is for the gates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unhype.registry.lineage import figures_of
from unhype.registry.models import Version
from unhype.registry.publishing import numbers
from unhype.registry.resolving import model_id_of
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import Store
from unhype.registry.trouble import mlflow_errors

PREFIX = "again"
"""Figures of an evaluation after the training start so, beside those of the training: what is asked may differ."""

EVALUATED = "evaluated"
"""The tag that says when, on what, and in which run a version was evaluated last."""


def log_evaluation(
    store: Store,
    scores: Mapping[str, Any],
    metaflow_run: str,
    files: Sequence[Path],
    tags: Mapping[str, str],
    note: str,
    version: Version | None = None,
) -> str:
    """Write the run, and on a registered version its figures; returns the run's id.

    Raises:
        UnhypeError: trouble with the store.
    """
    from mlflow.entities import Metric

    figures = dict(numbers({key: value for key, value in scores.items() if key != "sampling"}))
    params = {name: scores[name] for name in ("concepts", "base", "eraser", "on", "sampling")}
    name = f"{scores['eraser']} on {scores['concepts']} {scores['on']}"
    run = log_run(store, RunRecord(name, metaflow_run, params, {}, figures, {}, files, tags, note))
    if version is None:
        return run
    with mlflow_errors(store.place):
        when = datetime.now(UTC)
        if model_id := model_id_of(store, version.name, str(version.number)):
            stamp, key = int(when.timestamp() * 1000), f"{PREFIX}/{scores['concepts']}/{scores['on']}"
            metrics = [Metric(f"{key}/{name}", value, stamp, 0, model_id=model_id) for name, value in figures.items()]
            store.client.log_batch(run, metrics=metrics[:BATCH])
        told = f"{when:%Y-%m-%d}: {scores['concepts']}, {scores['on']}; {metaflow_run}"
        store.client.set_model_version_tag(version.name, str(version.number), EVALUATED, told)
    return run


BATCH = 900
"""Metrics at a time; MLflow takes 1000."""


def beside_registered(store: Store, version: Version, scores: Mapping[str, Any]) -> list[list[str]]:
    """A row a figure of the headline that both have: its name, as it was registered, now, and the difference."""
    known = figures_of(store, version)
    return [
        [name, f"{known[key]:.4f}", f"{value:.4f}", f"{value - known[key]:+.4f}"]
        for name, value in scores.get("protocols", {}).get("unseen", {}).items()
        if (key := f"protocols/unseen/{name}") in known
    ]
