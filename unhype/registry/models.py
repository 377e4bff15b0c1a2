"""A trained guard as a version of a registered model, which says what it was made from. Aliases are for others to give.

MLflow gets the guard folder as plain files beside a few lines of code that serve it (``serving.py``): nothing is
pickled, nothing needs unpickling.
"""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from time import time
from typing import Any

from unhype.errors import UnhypeError
from unhype.names import check_name
from unhype.registry.gating import guard_hash
from unhype.registry.resolving import ARTIFACT, named_version, registered
from unhype.registry.runs import BATCH
from unhype.registry.store import Store
from unhype.registry.trouble import mlflow_errors

REQUIRED = (
    "git_commit",
    "concept_set",
    "concept_set_hash",
    "training_tables",
    "evaluation_table",
    "prompts_data",
    "pictures_data",
    "settings",
    "metaflow_run",
    "base",
    "base_hash",
    "code",
)
"""Tags without which nobody could tell where a version comes from."""

PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib"}
"""Files that run code when they are read."""

REQUEST = ("steps", "guidance")
"""What a request to a served model may say besides its seed; the guard's own sampling is the default."""

CONFIG = {"base": "", "ungated": False}
"""What ``mlflow.pyfunc.load_model(…, model_config=…)`` may say, with defaults: MLflow drops keys not declared here."""

SERVING = Path(__file__).with_name("serving.py")


@dataclass(frozen=True)
class Version:
    """A version of a registered model.

    Attributes:
        name: of the registered model.
        number: 1, 2, …
        run_id: MLflow run that it comes from.
    """

    name: str
    number: int
    run_id: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]

    @property
    def uri(self) -> str:
        """What :func:`unhype.registry.resolving.resolve` reads."""
        return f"models:/{self.name}/{self.number}"


def register(
    store: Store,
    guard_folder: Path,
    name: str,
    tags: Mapping[str, str],
    description: str,
    run_id: str,
    figures: Mapping[str, float] | None = None,
) -> Version:
    """Register a guard folder, without an alias; a guard that is there already is not registered again.

    Args:
        guard_folder: ``guard.safetensors`` and ``guard.json``; other files beside them come along.
        name: of the registered model; made when it is missing.
        tags: at least those in ``REQUIRED``.
        description: Markdown: the model card, as the UI shows it.
        run_id: MLflow run, from :func:`unhype.registry.runs.log_run`.
        figures: metrics of the version itself, beside those of its run.

    Raises:
        UnhypeError: a tag or file is missing, a file is a pickle, a name that MLflow can't have, or trouble with the
            store.
    """
    _check(guard_folder, name, tags)
    digest = guard_hash(guard_folder)
    with mlflow_errors(store.place), _alone(store):
        there = versions(store, name) if known(store, name) else []
        if same := [version for version in there if version.tags.get("guard_hash") == digest]:
            return same[0]
        made = {**tags, "guard_hash": digest}
        number = _add(store, guard_folder, name, made, description, run_id, figures or {})
        return version_at(store, name, number)


def versions(store: Store, name: str) -> list[Version]:
    """All versions of a model, newest first.

    Raises:
        UnhypeError: no such model.
    """
    with mlflow_errors(store.place):
        # A search leaves the aliases of versions empty: the model has them.
        aliases = {alias: int(number) for alias, number in registered(store, name).aliases.items()}
        found = store.client.search_model_versions(f"name = '{name}'")
    all_versions = [
        Version(
            name,
            int(v.version),
            v.run_id or "",
            tuple(sorted(a for a, number in aliases.items() if number == int(v.version))),
            dict(v.tags),
        )
        for v in found
    ]
    return sorted(all_versions, key=lambda version: -version.number)


def version_at(store: Store, name: str, number: int) -> Version:
    """One version of a model, as it is now.

    Raises:
        UnhypeError: no such model or version; names those there are.
    """
    there = {version.number: version for version in versions(store, name)}
    if number not in there:
        raise UnhypeError(
            f"got version {number} of {name}, wanted one of {', '.join(map(str, sorted(there))) or 'none yet'}"
        )
    return there[number]


def version_named(store: Store, uri: str) -> Version:
    """The version that ``models:/name/3`` or ``models:/name@alias`` means, as it is now.

    Raises:
        UnhypeError: see :func:`unhype.registry.resolving.named_version` and :func:`version_at`.
    """
    name, number = named_version(store, uri)
    return version_at(store, name, int(number))


def known(store: Store, name: str) -> bool:
    """Whether there is a model of this name."""
    return name in {model.name for model in store.client.search_registered_models()}


def set_of(store: Store, name: str) -> str:
    """The concept set that a model is of: that of its first version; empty while there is none."""
    first = versions(store, name)[-1:] if known(store, name) else []
    return first[0].tags.get("concept_set", "") if first else ""


def _check(folder: Path, name: str, tags: Mapping[str, str]) -> None:
    if missing := [tag for tag in REQUIRED if not tags.get(tag)]:
        raise UnhypeError(
            f"got no {', '.join(missing)} among the tags of a model, wanted all of {', '.join(REQUIRED)}: "
            "a version must say where it comes from"
        )
    check_name(name, "the model name")
    for file in ("guard.safetensors", "guard.json"):
        if not (folder / file).is_file():
            raise UnhypeError(f"got no {folder / file}, wanted the folder of a trained guard: check the path")
    if pickles := sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICKLES and path.is_file()):
        raise UnhypeError(
            f"got {pickles[0]}, wanted no file that runs code when it is read: "
            "save tensors as safetensors, and remove it"
        )


def _add(
    store: Store,
    folder: Path,
    name: str,
    tags: dict[str, str],
    description: str,
    run_id: str,
    figures: Mapping[str, float],
) -> int:
    import pandas as pd
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    client = store.client
    logged = client.create_logged_model(store.experiment_id(), name, run_id, tags, model_type="guard")
    try:
        with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow warns of type hints and of pandas in its own code
            from mlflow.pyfunc import save_model

            save_model(
                Path(scratch) / "model",
                python_model=str(SERVING),
                artifacts={ARTIFACT: str(folder.resolve())},
                signature=_signature(_usual(folder)),
                input_example=(pd.DataFrame({"prompt": ["a photo of a dog"]}), _usual(folder)),
                pip_requirements=requirements(),
                model_config=CONFIG,
                mlflow_model=Model(run_id=run_id, model_id=logged.model_id),
            )
            client.log_model_artifacts(logged.model_id, str(Path(scratch) / "model"))
        client.finalize_logged_model(logged.model_id, "READY")
        _hang_on(store, logged.model_id, run_id, figures)
        _make_model(store, name)
        with _global(store):
            # By its id, which a server asks for: it takes no word of where files lie.
            made = client.create_model_version(
                name,
                f"models:/{logged.model_id}",
                run_id,
                tags,
                description=description,
                await_creation_for=0,
                model_id=logged.model_id,
            )
    except BaseException:
        # No model that nobody can find stays behind.
        client.finalize_logged_model(logged.model_id, "FAILED")
        client.delete_logged_model(logged.model_id)
        raise
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    # A server does so itself; without it the UI calls the model "not registered".
    there = json.dumps([{"name": name, "version": str(made.version)}])
    client.set_logged_model_tags(logged.model_id, {"mlflow.modelVersions": there})
    return int(made.version)


def _make_model(store: Store, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        store.client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process may have been faster
            raise


def _hang_on(store: Store, model_id: str, run_id: str, figures: Mapping[str, float]) -> None:
    """Metrics of a run as the model's own, too: the UI shows them on the version's page."""
    from mlflow.entities import Metric

    known = store.client.get_run(run_id).data.metrics
    metrics = []
    for key, value in figures.items():
        # With step and time of the run's own point, of which there is one then, not two.
        last = store.client.get_metric_history(run_id, key)[-1] if key in known else None
        when = (last.timestamp, last.step) if last and last.value == value else (int(time() * 1000), 0)
        metrics.append(Metric(key, float(value), *when, model_id=model_id))
    for start in range(0, len(metrics), BATCH):
        store.client.log_batch(run_id, metrics=metrics[start : start + BATCH])


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    """Two that register at once take turns, where they can see each other: on one database file."""
    if store.database is None:
        yield
        return
    from filelock import FileLock

    with FileLock(f"{store.database}.register.lock"):
        yield


def requirements() -> list[str]:
    """What serving needs, in the versions that are installed here; unhype itself comes from a checkout.

    A package index has no unhype of ours: to name it here would have other machines install whatever a stranger puts
    there under that name.
    """
    return [
        f"{name}=={installed(name).split('+')[0]}"
        for name in ("torch", "diffusers", "transformers", "safetensors", "mlflow")
    ]


def _usual(guard: Path) -> dict[str, int | float]:
    """What a request means that says nothing: seed 0, and the sampling of the guard's own card."""
    sampling = json.loads((guard / "guard.json").read_text(encoding="utf-8")).get("sampling", {})
    return {"seed": 0, **{name: sampling[name] for name in REQUEST if name in sampling}}


def _signature(usual: Mapping[str, int | float]) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    params = ParamSchema(
        [ParamSpec(name, "long" if isinstance(value, int) else "double", value) for name, value in usual.items()]
    )
    return ModelSignature(Schema([ColSpec("string", "prompt")]), Schema([ColSpec("binary", "image")]), params)


@contextmanager
def _global(store: Store) -> Iterator[None]:
    """Make the store MLflow's default for a moment.

    Where a logged model lies, its registry asks the default, not the store at hand.
    """
    import mlflow

    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(store.tracking)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)
        if before is not None:
            os.environ["MLFLOW_TRACKING_URI"] = before
