"""A trained guard as a version of a registered model, which says what it was made from and starts as ``@challenger``.

MLflow gets the guard folder as plain files beside a few lines of code that serve it (``serving.py``): nothing is
pickled, nothing needs unpickling.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from unhype.errors import UnhypeError
from unhype.files import sha256
from unhype.names import check_name
from unhype.registry.resolving import ARTIFACT, registered
from unhype.registry.store import Store
from unhype.registry.trouble import mlflow_errors

REQUIRED = (
    "git_commit",
    "concept_set",
    "concept_set_hash",
    "data_revision",
    "metaflow_run",
    "base",
    "base_hash",
    "code",
)
"""Tags without which nobody could tell where a version comes from."""

CHALLENGER = "challenger"

PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib"}
"""Files that run code when they are read."""

REQUEST = ("steps", "guidance")
"""What a request to a served model may say besides its seed; the guard's own sampling is the default."""

CONFIG = {"base": ""}
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
    store: Store, guard_folder: Path, name: str, tags: Mapping[str, str], description: str, run_id: str
) -> Version:
    """Register a guard folder and give it the alias ``challenger``; once for a guard and a Metaflow run.

    Args:
        guard_folder: ``guard.safetensors`` and ``guard.json``; other files beside them come along.
        name: of the registered model; made when it is missing.
        tags: at least those in ``REQUIRED``.
        description: Markdown: the model card, as the UI shows it.
        run_id: MLflow run, from :func:`unhype.registry.runs.log_run`.

    Raises:
        UnhypeError: a tag or file is missing, a file is a pickle, a name that MLflow can't have, or trouble with the
            store.
    """
    digest = _check(guard_folder, name, tags)
    with mlflow_errors(store.place):
        for version in versions(store, name) if _known(store, name) else ():
            if (version.tags.get("metaflow_run"), version.tags.get("guard_hash")) == (tags["metaflow_run"], digest):
                number = version.number
                break
        else:
            number = _add(store, guard_folder, name, {**tags, "guard_hash": digest}, description, run_id)
        store.client.set_registered_model_alias(name, CHALLENGER, str(number))
        return next(version for version in versions(store, name) if version.number == number)


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


def _known(store: Store, name: str) -> bool:
    return name in {model.name for model in store.client.search_registered_models()}


def _check(folder: Path, name: str, tags: Mapping[str, str]) -> str:
    """A hash of the folder, if all is well."""
    if missing := [tag for tag in REQUIRED if not tags.get(tag)]:
        raise UnhypeError(
            f"got no {', '.join(missing)} among the tags of a model, wanted all of {', '.join(REQUIRED)}: "
            "a version must say where it comes from"
        )
    check_name(name, "the model name")
    for file in ("guard.safetensors", "guard.json"):
        if not (folder / file).is_file():
            raise UnhypeError(f"got no {folder / file}, wanted the folder of a trained guard: check the path")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if pickles := [path for path in files if path.suffix.lower() in PICKLES]:
        raise UnhypeError(
            f"got {pickles[0]}, wanted no file that runs code when it is read: "
            "save tensors as safetensors, and remove it"
        )
    return hashlib.sha256(
        "".join(f"{path.relative_to(folder).as_posix()} {sha256(path)}\n" for path in files).encode()
    ).hexdigest()


def _add(store: Store, folder: Path, name: str, tags: dict[str, str], description: str, run_id: str) -> int:
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
    except BaseException:
        client.finalize_logged_model(logged.model_id, "FAILED")
        client.delete_logged_model(logged.model_id)
        raise
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    if not _known(store, name):
        client.create_registered_model(name)
    with _global(store):
        made = client.create_model_version(
            name, f"models:/{logged.model_id}", run_id, tags, description=description, await_creation_for=0
        )
    return int(made.version)


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
