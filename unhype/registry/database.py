"""What is in a sqlite file, read without MLflow: a database of this MLflow, that still lies where its paths say?"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from unhype.errors import UnhypeError

PATHS = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}
"""Columns with absolute paths of artifacts."""

WAIT = 20.0
"""Seconds to wait for another process that writes."""


def fits(path: Path) -> bool:
    """Whether this MLflow can use the file; False if there is nothing in it yet.

    Raises:
        UnhypeError: a folder, another kind of file, a database of another program, or of another version of MLflow.
    """
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return False
    aside = "move it aside (a new one is made), or choose another folder"
    if not path.is_file():
        raise UnhypeError(f"got a folder {path}, wanted the database file of MLflow: {aside}")
    try:
        with closing(_connect(path, "ro")) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            versions = (
                [number for (number,) in database.execute("SELECT version_num FROM alembic_version")]
                if "alembic_version" in tables
                else []
            )
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise UnhypeError(
            f"got {path} ({error}), wanted a database of MLflow: restore a copy of it, or {aside}"
        ) from error
    if not tables:
        return False
    if len(versions) != 1:
        raise UnhypeError(f"got a database {path} of another program, wanted one of MLflow: {aside}")
    _check_version(path, versions[0])
    return True


def relocate(path: Path, here: Path, experiment: str) -> None:
    """Make the paths in the database follow a project folder that was moved or copied.

    MLflow keeps absolute paths alone. Moved is a project whose recorded folder of artifacts is gone, or has a database
    of its own beside it: then this one is the copy, and would write into the original.

    Args:
        path: the database.
        here: the experiment's folder of artifacts as it should be.
        experiment: whose recorded folder tells where the project was.

    Raises:
        UnhypeError: the database was moved without its artifacts.
    """
    with closing(_connect(path, "ro")) as database:
        row = database.execute("SELECT artifact_location FROM experiments WHERE name = ?", (experiment,)).fetchone()
    there = Path(row[0]) if row else here
    # Only what has our own shape is ours to move: <project>/mlartifacts/<experiment>.
    if there == here or (there.parent.name, there.name) != (here.parent.name, here.name) or not there.is_absolute():
        return
    if there.parent.exists() and not (there.parent.parent / path.name).exists():
        return
    if not here.parent.is_dir():
        raise UnhypeError(
            f"got {path} without the folder {here.parent} that belongs to it: "
            f"move it from where the project was ({there.parent})"
        )
    old, new = f"{there.parent.parent}/", f"{here.parent.parent}/"
    with closing(_connect(path, "rw")) as database, database:
        for table, columns in PATHS.items():
            for column in columns:
                database.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                    (new, len(old) + 1, len(old), old),
                )


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=WAIT)


@cache
def _schemas() -> tuple[str, ...]:
    """All that this MLflow knows, its own first."""
    import mlflow
    from alembic.script import ScriptDirectory

    known = ScriptDirectory(str(Path(mlflow.__file__).parent / "store" / "db_migrations"))
    return tuple(revision.revision for revision in known.walk_revisions())


def _check_version(path: Path, got: str) -> None:
    import mlflow

    wanted, *older = _schemas()
    if got == wanted:
        return
    state = f"got {path} with the schema {got} of"
    if got in older:
        migrate = f"copy the file, then run: mlflow db upgrade sqlite:///{path}"
        raise UnhypeError(f"{state} an older MLflow, wanted {wanted} of MLflow {mlflow.__version__}: {migrate}")
    raise UnhypeError(
        f"{state} a newer MLflow, wanted {wanted} of MLflow {mlflow.__version__}: "
        "pip install --upgrade mlflow, or move the file aside (a new one is made)"
    )
