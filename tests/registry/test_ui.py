"""The server: mistakes before anything starts; one real start, and a promotion over REST as the UI does it.

Nothing is left running.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from unhype.errors import UnhypeError
from unhype.registry import serve
from unhype.registry.models import register
from unhype.registry.resolving import resolve
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import Store, open_store
from unhype.registry.ui import links, running


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def no_server(*given: object, **named: object) -> None:
    raise AssertionError("a server was started")


def test_a_port_in_use(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", no_server)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            UnhypeError,
            match=f"got the port {port} that something listens on already: choose another: make ui PORT={port + 1}",
        ):
            serve(root, port)
    with pytest.raises(UnhypeError, match="got the port 70000"):
        serve(root, 70000)


def test_another_version_stops_it_before_it_starts(root: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", no_server)
    with sqlite3.connect(root / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    with pytest.raises(UnhypeError, match="newer MLflow"):
        serve(root, port)


def post(url: str, call: str, **given: object) -> dict[str, object]:
    request = Request(f"{url}/api/2.0/mlflow/{call}", json.dumps(given).encode(), {"Content-Type": "application/json"})
    with urlopen(request) as response:
        answer: dict[str, object] = json.load(response)
        return answer


@pytest.mark.slow
def test_promotion_over_a_real_server(
    store: Store,
    record: RunRecord,
    guard: Path,
    tags: dict[str, str],
    port: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    register(store, guard, "unhype-celeb100", tags, "", log_run(store, record))
    with running(store, port) as (url, process):
        assert links(url, store.experiment_id()) == {
            "runs": f"http://127.0.0.1:{port}/#/experiments/1/runs?workflowType=machine_learning",
            "models": f"http://127.0.0.1:{port}/#/models?workflowType=machine_learning",
        }
        with urlopen(url) as page:
            assert b"<html" in page.read().lower()
        post(url, "registered-models/create", name="prod")
        post(url, "model-versions/create", name="prod", source="models:/unhype-celeb100/1")
        post(url, "registered-models/alias", name="prod", alias="champion", version="1")
        # The server as the store of another process.
        with monkeypatch.context() as patch:
            patch.setenv("MLFLOW_TRACKING_URI", url)
            remote = open_store(tmp_path)
            assert resolve(remote, "models:/prod@champion").is_relative_to(store.artifacts)
            # A model that the server keeps for itself is fetched, once.
            run = remote.client.create_run(remote.client.create_experiment("theirs"))
            remote.client.log_artifacts(run.info.run_id, str(resolve(remote, "models:/prod/1").parents[1]), "model")
            assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
            post(
                url,
                "model-versions/create",
                name="prod",
                source=f"{run.info.artifact_uri}/model",
                run_id=run.info.run_id,
            )
            fetched = resolve(remote, "models:/prod/2")
            assert fetched.is_relative_to(tmp_path / "build")
            assert (fetched / "guard.safetensors").read_bytes() == (guard / "guard.safetensors").read_bytes()
            assert resolve(remote, "models:/prod/2") == fetched
            with pytest.raises(UnhypeError, match="MLflow runs already"):
                serve(store.root, port + 1)
    folder = resolve(store, "models:/prod@champion")
    assert (folder / "guard.safetensors").read_bytes() == (guard / "guard.safetensors").read_bytes()
    assert process.poll() is not None
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
