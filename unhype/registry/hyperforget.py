"""A HyperForget model in MLflow: its run, and a version of a registered model that is its folder, without code.

The version's files are artifacts of the run. Whoever samples reads them as they are; nothing is unpickled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unhype.errors import UnhypeError
from unhype.files import sha256
from unhype.names import check_name
from unhype.registry.publishing import git_commit
from unhype.registry.resolving import URI, registered
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import Store, open_store, project
from unhype.registry.trouble import mlflow_errors

NAME = "unhype-hyperforget"
ALIAS = "challenger"
FILE = "model.safetensors"


def publish(
    root: Path,
    folder: Path,
    card: Mapping[str, Any],
    scores: Mapping[str, Any],
    curve: Sequence[float],
    metaflow_run: str,
    description: str,
) -> str:
    """Log a run, and register its model once, as ``challenger``; returns the version's URI.

    Args:
        root: folder of the store.
        folder: with ``model.safetensors`` and ``scores.json``.
        card: of the model; becomes parameters.
        scores: of each method; its numbers are metrics, named METHOD/WHAT.
        curve: loss, a value a hundred steps.
        description: Markdown: the table.

    Raises:
        UnhypeError: see :func:`unhype.registry.store.open_store` and :func:`unhype.registry.runs.log_run`.
    """
    files = [folder / FILE, folder / "scores.json"]
    tags = {
        "git_commit": git_commit(project()),
        "zoo": str(card["zoo"]),
        "metaflow_run": metaflow_run,
        "model_hash": sha256(files[0]),
        "code": str(card["code"]),
    }
    history = {100 * (i + 1): {"loss": loss} for i, loss in enumerate(curve)}
    metrics = {
        f"{_plain(row['method'])}/{key}": value
        for row in scores["methods"]
        for key, value in row.items()
        if isinstance(value, float)
    }
    name = f"hyperforget {card['signal']} {card['start']} {card['digit']} {metaflow_run}"
    record = RunRecord(name, metaflow_run, card, history, metrics, files=files, tags=tags, note=description)
    store = open_store(root)
    return _register(store, log_run(store, record), tags, description)


def _plain(method: str) -> str:
    """A method's name in letters that MLflow takes."""
    return re.sub(r"[^\w .-]", "", method)


def _register(store: Store, run_id: str, tags: Mapping[str, str], description: str) -> str:
    check_name(NAME, "the model name")
    with mlflow_errors(store.place):
        client = store.client
        if NAME not in {model.name for model in client.search_registered_models()}:
            client.create_registered_model(NAME)
        known = [v for v in client.search_model_versions(f"name = '{NAME}'") if v.run_id == run_id]
        version = known[0] if known else None
        if version is None:
            source = client.get_run(run_id).info.artifact_uri
            version = client.create_model_version(
                NAME, source, run_id, dict(tags), description=description, await_creation_for=0
            )
        client.set_registered_model_alias(NAME, ALIAS, version.version)
        return f"models:/{NAME}/{version.version}"


def model_file(named: str, root: Path | None = None) -> Path:
    """The file of a model: ``models:/name/3`` or ``models:/name@alias`` looked up, a folder's own, or the path itself.

    Raises:
        UnhypeError: no such model, version or alias.
    """
    if not (parts := URI.fullmatch(named)):
        return Path(named) / FILE if Path(named).is_dir() else Path(named)
    store = open_store(root or project(), write=False)
    with mlflow_errors(store.place):
        from mlflow.artifacts import download_artifacts
        from mlflow.exceptions import MlflowException

        known, number = registered(store, parts["name"]), parts["number"]
        if number is None:
            number = known.aliases.get(parts["alias"])
        try:
            source = store.client.get_model_version_download_uri(parts["name"], str(number))
        except MlflowException as error:
            raise UnhypeError(
                f"got {named}, wanted a version or an alias that the model has: {dict(known.aliases)}"
            ) from error
        return Path(download_artifacts(artifact_uri=f"{source}/{FILE}", tracking_uri=store.tracking))
