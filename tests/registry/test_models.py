"""The registry: what goes in comes out to the byte, by number, by alias and by copy.

A version says where it comes from; nothing in it is a pickle.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.registry.conftest import MADE
from tests.registry.test_gating import decision
from unhype.errors import UnhypeError
from unhype.registry import local_folder, publish_guard
from unhype.registry.models import PICKLES, REQUIRED, Version, register, requirements, version_named, versions
from unhype.registry.publishing import git_commit
from unhype.registry.resolving import resolve
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import Store, open_store

NAME = "unhype-celeb100"


@pytest.fixture
def run_id(store: Store, record: RunRecord) -> str:
    return log_run(store, record)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_round_trip(store: Store, guard: Path, tags: dict[str, str], run_id: str) -> None:
    version = register(store, guard, NAME, tags, "# Card", run_id)
    assert (version.number, version.uri, version.run_id, version.aliases) == (1, f"models:/{NAME}/1", run_id, ())
    assert version.tags.items() >= tags.items()
    # As a person does in the UI: the champion by alias, or a copy by "Promote model".
    store.client.set_registered_model_alias(NAME, "champion", "1")
    store.client.copy_model_version(f"models:/{NAME}/1", "prod")
    for uri in (version.uri, f"models:/{NAME}@champion", "models:/prod/1"):
        assert bytes_of(resolve(store, uri)) == bytes_of(guard), uri
    assert local_folder(f"models:/{NAME}@champion", store.root, ungated=True) == resolve(store, version.uri)
    assert versions(store, NAME)[0].aliases == ("champion",)
    assert store.client.get_model_version(NAME, "1").description == "# Card"
    assert not [path for path in store.artifacts.rglob("*") if path.suffix in PICKLES]
    assert store.client.get_run(run_id).outputs.model_outputs


def test_the_same_guard_is_one_version_whatever_run_brings_it(
    store: Store, guard: Path, tags: dict[str, str], run_id: str
) -> None:
    first = register(store, guard, NAME, tags, "", run_id)
    (guard / "scores.json").write_text("{}")  # measured anew
    assert register(store, guard, NAME, {**tags, "metaflow_run": "TrainFlow/18"}, "", run_id) == first
    (guard / "guard.json").write_text((guard / "guard.json").read_text().replace('"steps": 2', '"steps": 3'))
    register(store, guard, NAME, tags, "", run_id)
    assert [version.number for version in versions(store, NAME)] == [2, 1]
    assert register(store, guard, "another", tags, "", run_id).number == 1, "of another model it is the first"


def test_two_that_register_at_once_make_one_version(
    store: Store, guard: Path, tags: dict[str, str], run_id: str
) -> None:
    with ThreadPoolExecutor(2) as threads:
        made = list(threads.map(lambda _: register(open_store(store.root), guard, NAME, tags, "", run_id), range(2)))
    assert [version.number for version in made] == [1, 1]
    assert [version.number for version in versions(store, NAME)] == [1]


def test_metrics_hang_on_the_version_itself(store: Store, guard: Path, tags: dict[str, str], run_id: str) -> None:
    register(store, guard, NAME, tags, "", run_id, {"unseen/H": 0.9, "other": 0.5})
    (model,) = store.client.search_logged_models([store.experiment_id()])
    assert {metric.key: metric.value for metric in model.metrics} == {"unseen/H": 0.9, "other": 0.5}
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": NAME, "version": "1"}]
    assert len(store.client.get_metric_history(run_id, "unseen/H")) == 1, "the run's point is not there twice"


def test_a_failed_copy_leaves_no_version(
    store: Store, guard: Path, tags: dict[str, str], run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    def full(self: MlflowClient, *given: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_model_artifacts", full)
        with pytest.raises(UnhypeError, match="no space left"):
            register(store, guard, NAME, tags, "", run_id)
    assert not store.client.search_registered_models()
    assert not store.client.search_logged_models([store.experiment_id()])
    assert register(store, guard, NAME, tags, "", run_id).number == 1


def test_registering_leaves_the_environment_alone(store: Store, guard: Path, tags: dict[str, str], run_id: str) -> None:
    register(store, guard, NAME, tags, "", run_id)
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_a_version_that_is_refused_leaves_no_orphan(
    store: Store, guard: Path, tags: dict[str, str], run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    def refused(self: MlflowClient, *given: object, **named: object) -> None:
        raise MlflowException("The model_id request parameter must identify the resource")

    monkeypatch.setattr(MlflowClient, "create_model_version", refused)
    with pytest.raises(MlflowException):
        register(store, guard, NAME, tags, "", run_id)
    assert not store.client.search_logged_models([store.experiment_id()])


@pytest.mark.parametrize("tag", REQUIRED)
def test_a_version_says_where_it_comes_from(store: Store, guard: Path, tags: dict[str, str], tag: str) -> None:
    with pytest.raises(UnhypeError, match=f"got no {tag} among the tags"):
        register(store, guard, NAME, {**tags, tag: ""}, "", "run")


def test_a_folder_that_is_no_guard(store: Store, guard: Path, tags: dict[str, str]) -> None:
    (guard / "optimiser.pt").touch()
    with pytest.raises(UnhypeError, match=r"optimiser\.pt, wanted no file that runs code"):
        register(store, guard, NAME, tags, "", "run")
    (guard / "guard.json").unlink()
    with pytest.raises(UnhypeError, match=r"got no .*guard\.json"):
        register(store, guard, NAME, tags, "", "run")
    with pytest.raises(UnhypeError, match="got the model name 'a/b'"):
        register(store, guard, "a/b", tags, "", "run")


def test_a_wrong_uri_names_what_there_is(
    store: Store, guard: Path, tags: dict[str, str], run_id: str, tmp_path: Path
) -> None:
    register(store, guard, NAME, tags, "", run_id)
    store.client.set_registered_model_alias(NAME, "challenger", "1")
    for uri, words in {
        "models:/nope/1": f"got the model 'nope', wanted one of those in .*: {NAME}",
        f"models:/{NAME}/7": "got version 7 .* wanted one of 1",
        f"models:/{NAME}@champion": r"got @champion .* wanted one of @challenger \(version 1\)",
        f"models:/{NAME}": "wanted models:/<name>/<number>",
        f"models:/{NAME}/latest": "wanted models:/<name>/<number>",
        "s3://bucket/guard": "wanted models:/<name>/<number>",
        str(tmp_path / "absent"): "got no folder .*absent",
    }.items():
        with pytest.raises(UnhypeError, match=words) as caught:
            resolve(store, uri)
        assert "\n" not in str(caught.value)
    assert resolve(store, str(guard)) == guard
    with pytest.raises(UnhypeError, match=f"wanted one of those in .*: {NAME}"):
        versions(store, "nope")


def test_files_that_are_gone(store: Store, guard: Path, tags: dict[str, str], run_id: str) -> None:
    folder = resolve(store, register(store, guard, NAME, tags, "", run_id).uri)
    shutil.rmtree(folder)
    with pytest.raises(UnhypeError, match="restore it, or train and register anew"):
        resolve(store, f"models:/{NAME}/1")
    shutil.rmtree(folder.parents[1])
    with pytest.raises(UnhypeError, match="restore it, or train and register anew"):
        resolve(store, f"models:/{NAME}/1")


def test_a_model_of_somebody_else(store: Store, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    store.client.create_registered_model("theirs")
    store.client.create_model_version("theirs", str(tmp_path / "theirs"))
    with pytest.raises(UnhypeError, match="registered by something else"):
        resolve(store, "models:/theirs/1")


def test_the_end_of_a_flow(root: Path, guard: Path, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<p>valid</p>")
    scores = json.loads((guard / "scores.json").read_text())
    curve = [{"step": 1, "loss": 1.0}, {"step": 2, "loss": 0.5}]
    for _ in range(2):
        assert (
            publish_guard(root, NAME, guard, scores, curve, tmp_path / "report.html", "TrainFlow/17", made=MADE)
            == f"models:/{NAME}/1"
        )
    store = open_store(root)
    version = versions(store, NAME)[0]
    assert set(REQUIRED) <= set(version.tags)
    assert version.tags.items() >= MADE.items()
    assert not {"dvc_stage", "dvc_experiment"} & set(version.tags)
    assert version.tags["judge"] == "unjudged"
    assert version.aliases == (), "what no gate has judged is nobody's challenger"
    page = store.client.get_model_version(NAME, "1").description
    assert all(f"| {name} | `{value}` |" in page for name, value in MADE.items())
    run = store.client.get_run(version.run_id)
    assert run.data.metrics == {"loss": 0.5, "protocols/unseen/H": 0.9}
    assert {"report.html", "scores.json", "gallery.png", "images"} <= {
        file.path for file in store.client.list_artifacts(version.run_id)
    }


def test_requirements_are_pinned() -> None:
    assert all("==" in line and "+" not in line for line in requirements())
    names = {line.split("==")[0] for line in requirements()}
    assert {"torch", "diffusers", "transformers"} <= names
    assert "unhype" not in names, "a package index has none of ours"


@pytest.fixture
def end(root: Path, guard: Path, tmp_path: Path) -> Callable[[bool], Version]:
    """The end of a flow whose gates let the guard pass, or not."""
    (tmp_path / "report.html").write_text("<p>valid</p>")

    def run(passed: bool) -> Version:
        how = tmp_path / "report.html", "TrainFlow/17", "# Card", decision(guard, tmp_path, passed)
        return version_named(open_store(root), publish_guard(root, NAME, guard, {}, [], *how, made=MADE))

    return run


def test_an_experiment_touches_no_alias(end: Callable[[bool], Version], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_STAGE", "erase@mini-sd-celeb100")
    monkeypatch.setenv("DVC_EXP_NAME", "bonny-yaks")
    tried = end(True)
    assert (tried.aliases, tried.tags["gate"], tried.tags["dvc_experiment"]) == ((), "passed", "bonny-yaks")
    monkeypatch.delenv("DVC_EXP_NAME")
    assert end(True).aliases == ("challenger",), "the same guard, made in earnest"
    monkeypatch.setenv("DVC_EXP_NAME", "late-yaks")
    still = end(False)
    assert (still.number, still.aliases, still.tags["gate"]) == (1, ("challenger",), "passed"), "and its verdict stands"


def test_a_commit_is_dirty_where_it_matters(tmp_path: Path) -> None:
    assert git_commit(tmp_path) == "no git"
    for name in ("unhype/a.py", "params.yaml", "dvc.lock", "README.md", "data/lists.yaml", "data/bases/b/figures.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "a"]):
        subprocess.run([*git, *words], check=True)
    for name in ("dvc.lock", "README.md", "data/lists.yaml", "data/bases/b/figures.json", "unhype/README.md"):
        (tmp_path / name).write_text("2")
        assert len(git_commit(tmp_path)) == 40, name
    for name in ("params.yaml", "unhype/a.py", "unhype/new.py", "data/concepts/new.yaml"):
        before = (tmp_path / name).read_text() if (tmp_path / name).exists() else None
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("2")
        assert git_commit(tmp_path).endswith("-dirty"), name
        (tmp_path / name).unlink() if before is None else (tmp_path / name).write_text(before)
        assert len(git_commit(tmp_path)) == 40, name
