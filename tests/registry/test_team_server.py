"""On a team's server: what is registered over HTTP is what the embedded store would hold; another clone fetches it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.registry.team import team_server
from tests.registry.test_models import NAME, bytes_of
from unhype.registry import local_folder, publish_guard
from unhype.registry.models import REQUIRED, versions
from unhype.registry.store import open_store

pytestmark = pytest.mark.slow


def test_registering_over_http(guard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "report.html").write_text("<p>valid</p>")
    scores = json.loads((guard / "scores.json").read_text())
    curve = [{"step": 1, "loss": 1.0}, {"step": 2, "loss": 0.5}]
    with team_server(tmp_path / "team") as url:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        for run in ("TrainFlow/17", "TrainFlow/18"):
            uri = publish_guard(tmp_path / "mine", NAME, guard, scores, curve, tmp_path / "report.html", run)
            assert uri == f"models:/{NAME}/1"
        store = open_store(tmp_path / "mine")
        (version,) = versions(store, NAME)
        assert set(REQUIRED) <= set(version.tags)
        (model,) = store.client.search_logged_models([store.experiment_id()])
        assert {metric.key: metric.value for metric in model.metrics} == {"protocols/unseen/H": 0.9}
        assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": NAME, "version": "1"}]
        assert {"report.html", "scores.json", "gallery.png", "images"} <= {
            file.path for file in store.client.list_artifacts(version.run_id)
        }
        fetched = local_folder(uri, tmp_path / "theirs")
        assert fetched.is_relative_to(tmp_path / "theirs")
        assert bytes_of(fetched) == bytes_of(guard)
    assert not (tmp_path / "mine" / "mlartifacts").exists(), "all of it is the server's"
