"""The store: made whole, opened only if it fits, refused in one line if not, and at home wherever its folder goes."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from unhype.errors import UnhypeError
from unhype.registry import store as stores
from unhype.registry.models import register, versions
from unhype.registry.resolving import resolve
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import Store, open_store
from unhype.registry.trouble import mlflow_errors


def schema(root: Path, number: str) -> None:
    with sqlite3.connect(root / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (number,))


def older(root: Path) -> None:
    schema(root, "451aebb31d03")


def newer(root: Path) -> None:
    schema(root, "ffffffffffff")


def text(root: Path) -> None:
    (root / "mlflow.db").write_text("not a database at all, but long enough for a header of one" * 20)


def truncated(root: Path) -> None:
    whole = (root / "mlflow.db").read_bytes()
    (root / "mlflow.db").write_bytes(whole[: len(whole) // 8])


def foreign(root: Path) -> None:
    (root / "mlflow.db").unlink()
    with sqlite3.connect(root / "mlflow.db") as database:
        database.execute("CREATE TABLE songs (title)")


def folder(root: Path) -> None:
    (root / "mlflow.db").unlink()
    (root / "mlflow.db").mkdir()


def odd(root: Path) -> None:
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{root}/100%25/mlflow.db"


def silent(root: Path) -> None:
    os.environ["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"


def without_artifacts(root: Path) -> None:
    open_store(root)
    (root.parent / "elsewhere").mkdir()
    (root / "mlflow.db").rename(root.parent / "elsewhere" / "mlflow.db")
    shutil.rmtree(root)
    root.symlink_to(root.parent / "elsewhere")


def binned(root: Path) -> None:
    store = open_store(root)
    store.client.delete_experiment(store.experiment_id())


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (older, ["451aebb31d03", "older MLflow", "copy the file", "mlflow db upgrade sqlite:///"]),
        (newer, ["ffffffffffff", "newer MLflow", "pip install --upgrade mlflow"]),
        (text, ["mlflow.db (file is not a database)", "move it aside"]),
        (truncated, ["malformed", "move it aside"]),
        (foreign, ["another program", "move it aside"]),
        (folder, ["got a folder", "move it aside"]),
        (odd, ["got '%'", "rename"]),
        (silent, ["no answer from MLflow at http://127.0.0.1:9", "unset MLFLOW_TRACKING_URI"]),
        (without_artifacts, ["without the folder", "elsewhere/mlartifacts", "move it"]),
        (binned, ["trash", "mlflow experiments restore --experiment-id 1"]),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(
    root: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], None], words: list[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    harm(root)
    with pytest.raises(UnhypeError) as caught:
        open_store(root)
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"])
@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("./mlruns", "./mlruns"),
        ("/tmp/mlruns", "/tmp/mlruns"),
        ("databricks", "databricks"),
        ("databricks://profile", "databricks://…"),
        ("postgresql://me:secret@host/mlflow", "postgresql://…"),
        ("file:///tmp/mlruns", "file://…"),
        ("sqlite:///", "sqlite://…"),
        ("sqlite://mlflow.db", "sqlite://…"),
    ],
)
def test_stores_of_other_kinds_are_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, uri: str, shown: str
) -> None:
    monkeypatch.setenv(variable, uri)
    with pytest.raises(UnhypeError) as caught:
        open_store(tmp_path)
    said = str(caught.value)
    assert said.startswith(f"got {variable}={shown}, wanted sqlite:///PATH")
    assert "secret" not in said
    assert "\n" not in said
    assert not list(tmp_path.iterdir())


def test_an_old_database_is_not_touched(root: Path) -> None:
    older(root)
    before = (root / "mlflow.db").read_bytes()
    with pytest.raises(UnhypeError):
        open_store(root)
    assert (root / "mlflow.db").read_bytes() == before


@pytest.mark.parametrize("there", ["project", "project/mlflow.db"])
def test_a_read_only_folder(root: Path, monkeypatch: pytest.MonkeyPatch, there: str) -> None:
    # Not by chmod: root, as whom containers run, may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != root.parent / there)
    with pytest.raises(UnhypeError, match=r"read-only .*make it writable"):
        open_store(root)


def test_asking_works_in_a_read_only_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(root)
    before = (root / "mlflow.db").read_bytes()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UnhypeError, match="there are none yet"):
        versions(open_store(root, write=False), "unhype-celeb100")
    assert (root / "mlflow.db").read_bytes() == before


def test_asking_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(UnhypeError, match=r"got no .*mlflow\.db"):
        open_store(tmp_path, write=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (sqlite3.OperationalError("database or disk is full"), "no space left on the disk for here"),
        (OSError(errno.ENOSPC, "No space left on device"), "no space left on the disk for here"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "no permission to write to here"),
        (sqlite3.OperationalError("unable to open database file"), "no permission to write to here"),
        (sqlite3.OperationalError("database is locked"), "locked by another process"),
        (sqlite3.DatabaseError("database disk image is malformed"), "damaged"),
    ],
)
def test_trouble_below_is_told(error: Exception, words: str) -> None:
    from mlflow.exceptions import MlflowException

    for raised in (error, MlflowException(f"({type(error).__name__}) {error}")):
        with pytest.raises(UnhypeError, match=words), mlflow_errors("here"):
            raise raised


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), mlflow_errors("here"):
        print(1 / 0)


def test_a_full_disk_leaves_no_half_of_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    def full(self: object, uri: str, artifacts: str) -> None:
        Path(uri.removeprefix("sqlite:///")).write_text("half")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(SqlAlchemyStore, "__init__", full)
    with pytest.raises(UnhypeError, match="no space left"):
        open_store(tmp_path)
    assert not (tmp_path / "mlflow.db").exists()
    assert not list(tmp_path.glob(".*partial"))


@pytest.mark.parametrize("how", [shutil.move, shutil.copytree])
def test_a_project_that_was_moved_or_copied(
    store: Store,
    record: RunRecord,
    guard: Path,
    tags: dict[str, str],
    tmp_path: Path,
    how: Callable[[Path, Path], object],
) -> None:
    register(store, guard, "unhype-celeb100", tags, "", log_run(store, record))
    store.client.copy_model_version("models:/unhype-celeb100/1", "prod")
    there = tmp_path / "ä b" / "other"
    there.parent.mkdir()
    how(store.root, there)
    moved = open_store(there)
    assert moved.artifacts == there / "mlartifacts"
    for uri in ("models:/unhype-celeb100/1", "models:/prod/1"):
        folder = resolve(moved, uri)
        assert folder.is_relative_to(there)
        assert (folder / "guard.safetensors").read_bytes() == (guard / "guard.safetensors").read_bytes()
    new = log_run(moved, replace(record, metaflow_run="TrainFlow/18"))
    for run in moved.client.search_runs([moved.experiment_id()]):
        assert run.info.artifact_uri.startswith(str(there))
        assert {file.path for file in moved.client.list_artifacts(run.info.run_id)} == {"images", "scores.json"}
    assert (there / "mlartifacts" / "unhype" / new).is_dir()
    if how is shutil.copytree:
        assert resolve(open_store(store.root), "models:/prod/1").is_relative_to(store.root)


def test_a_folder_of_artifacts_elsewhere_is_left_alone(store: Store, tmp_path: Path) -> None:
    elsewhere = tmp_path / "big" / "mlartifacts" / "unhype"
    elsewhere.mkdir(parents=True)
    with sqlite3.connect(store.root / "mlflow.db") as database:
        database.execute("UPDATE experiments SET artifact_location = ? WHERE name = 'unhype'", (str(elsewhere),))
    opened = open_store(store.root)
    assert opened.client.get_experiment_by_name("unhype").artifact_location == str(elsewhere)


def test_the_environment_leads_elsewhere(
    root: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made, tmp_path / "other")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other/mlflow.db")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"sqlite:///{root}/mlflow.db")
    store = open_store(root)
    assert store.tracking == f"sqlite:///{tmp_path}/other/mlflow.db"
    assert store.registry == f"sqlite:///{root}/mlflow.db"
    assert store.artifacts == tmp_path / "other" / "mlartifacts"
    assert stores.EXPERIMENT in {experiment.name for experiment in store.client.search_experiments()}


@pytest.mark.slow
def test_processes_that_start_together_make_one_store(tmp_path: Path) -> None:
    imports = "from pathlib import Path; from unhype.registry.store import open_store"
    code = f"{imports}; print(open_store(Path({str(tmp_path)!r})).experiment_id())"
    together = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=300) for process in together]
    assert [out.strip() for out, _ in said] == ["1"] * 3, said
    assert all(not err for _, err in said), said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlartifacts", "mlflow.db", "mlflow.db.lock"]
