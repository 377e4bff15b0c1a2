"""The store: one sqlite database and one folder of artifacts beside it, no server.

    <project>/mlflow.db      runs, models, aliases          <project>/mlartifacts/      files of runs and models

``MLFLOW_TRACKING_URI`` and ``MLFLOW_REGISTRY_URI`` lead to another sqlite database, or to a server of MLflow.
The database is looked at before MLflow touches it: MLflow migrates an old one unasked and tries for two minutes to open
one that is none.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unhype.errors import UnhypeError
from unhype.files import whole
from unhype.registry.database import fits, relocate
from unhype.registry.trouble import mlflow_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "unhype"
"""All runs are in this one."""

SQLITE = "sqlite:///"

SERVERS = ("http://", "https://")

MISREAD = "%?#"
"""MLflow reads a path as a URI now and then: with one of these in it, artifacts would land in another folder."""


@dataclass(frozen=True)
class Store:
    """Where MLflow keeps what it knows.

    Attributes:
        root: project folder.
        tracking: URI of runs.
        registry: URI of registered models.
    """

    root: Path
    tracking: str
    registry: str

    @property
    def database(self) -> Path | None:
        """The sqlite file of the runs; None if a server has them."""
        return _file(self.tracking)

    @property
    def place(self) -> str:
        """Where, for error messages."""
        return str(self.database or self.tracking)

    @property
    def artifacts(self) -> Path:
        """The folder of artifacts; of no meaning with a server."""
        return (self.database or self.root / "mlflow.db").parent / "mlartifacts"

    @property
    def client(self) -> MlflowClient:
        """MLflow's own client of this store."""
        from mlflow import MlflowClient

        return MlflowClient(self.tracking, self.registry)

    def experiment_id(self) -> str:
        """The experiment of all runs; made when it is missing.

        Raises:
            UnhypeError: it lies in MLflow's trash.
        """
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            try:
                made: str = self.client.create_experiment(
                    EXPERIMENT, str(self.artifacts / EXPERIMENT) if self.database else None
                )
                return made
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
                found = self.client.get_experiment_by_name(EXPERIMENT)  # another process was faster
        if found.lifecycle_stage == "deleted":
            undo = (
                f"MLFLOW_TRACKING_URI={self.tracking} mlflow experiments restore --experiment-id {found.experiment_id}"
            )
            raise UnhypeError(
                f"got the experiment {EXPERIMENT!r} in the trash of {self.place}, wanted it in use: run {undo}"
            )
        return str(found.experiment_id)


def project() -> Path:
    """The checkout that this code lies in; the working folder if it is installed elsewhere."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").exists() else Path.cwd()


def open_store(root: Path, write: bool = True) -> Store:
    """The store of a project, checked; made when there is none (5 seconds, once).

    Args:
        root: project folder.
        write: False asks only, and works in a folder that can't be written to.

    Raises:
        UnhypeError: a database of another MLflow or none at all, another kind of store in the environment, no
            permission, no space, no answer from a server, or nothing to ask.
    """
    root = root.resolve()
    tracking = _asked_for("MLFLOW_TRACKING_URI") or f"{SQLITE}{root / 'mlflow.db'}"
    store = Store(root, _absolute(tracking), _absolute(_asked_for("MLFLOW_REGISTRY_URI") or tracking))
    _quieten()
    with mlflow_errors(store.place):
        for uri in {store.tracking, store.registry}:
            _check(uri, write)
        if store.database:
            if not fits(store.database):
                _make(store, write)
            relocate(store.database, store.artifacts / EXPERIMENT, EXPERIMENT)
        if write:
            store.experiment_id()
    return store


def _quieten() -> None:
    """An error is told once, by who catches it: MLflow tells of every check, and logs every error of the database."""
    import mlflow  # sets its loggers up

    assert mlflow.__version__
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


def _check(uri: str, write: bool) -> None:
    path = _file(uri)
    if path is None:
        return _answers(uri)
    if odd := [letter for letter in MISREAD if letter in str(path)]:
        raise UnhypeError(
            f"got {odd[0]!r} in the path {path}, which MLflow misreads, "
            f"wanted a folder without {' '.join(MISREAD)}: rename it"
        )
    for place in (path.parent, path):
        if write and place.exists() and not os.access(place, os.W_OK):
            raise UnhypeError(
                f"got a read-only {place}, wanted to write runs and models there: "
                "make it writable for this user, or choose another folder"
            )
    fits(path)


def _answers(uri: str) -> None:
    """Ask a server for a sign of life first: MLflow itself goes on asking for minutes."""
    from urllib.request import urlopen

    try:
        urlopen(f"{uri.rstrip('/')}/health", timeout=10).close()
    except (OSError, ValueError) as error:  # a ValueError is an address that is none
        raise UnhypeError(
            f"got no answer from MLflow at {uri} ({error}): "
            "start that server, or unset MLFLOW_TRACKING_URI and MLFLOW_REGISTRY_URI"
        ) from error


def _make(store: Store, write: bool) -> None:
    """Make the database under another name first.

    A process that is killed leaves no half of one, and two that start together make one.
    """
    from filelock import FileLock

    assert store.database is not None
    if not write:
        raise UnhypeError(
            f"got no {store.database}, wanted the store of a project with trained models: "
            "check the folder, or train one"
        )
    store.database.parent.mkdir(parents=True, exist_ok=True)
    store.artifacts.mkdir(exist_ok=True)
    with FileLock(f"{store.database}.lock"):
        if fits(store.database):
            return
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        with whole(store.database) as partial:
            made: Any = SqlAlchemyStore(f"{SQLITE}{partial}", str(store.artifacts))
            made.create_experiment(EXPERIMENT, str(store.artifacts / EXPERIMENT))
            made._dispose_engine()


def _asked_for(variable: str) -> str:
    """The URI in an environment variable; empty if there is none.

    Raises:
        UnhypeError: neither a sqlite file nor a server.
    """
    uri = os.environ.get(variable, "")
    if not uri or uri.startswith(SERVERS) or (uri.startswith(SQLITE) and uri != SQLITE):
        return uri
    scheme, separator, _ = uri.partition("://")
    shown = f"{scheme}://…" if separator else uri  # what follows may hold a password
    raise UnhypeError(
        f"got {variable}={shown}, wanted {SQLITE}PATH of a database or http://HOST:PORT of a server of MLflow: "
        "set it so, or unset it to use mlflow.db of the project"
    )


def _file(uri: str) -> Path | None:
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None


def _absolute(uri: str) -> str:
    path = _file(uri)
    return f"{SQLITE}{path.resolve()}" if path else uri
