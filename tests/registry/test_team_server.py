"""On a team's server: what is registered over HTTP is what the embedded store would hold; another clone fetches it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.registry.conftest import MADE
from tests.registry.team import team_server
from tests.registry.test_gating import decision
from tests.registry.test_models import NAME, bytes_of
from unhype.errors import UnhypeError
from unhype.registry import local_folder, publish_guard
from unhype.registry.champions import reconcile
from unhype.registry.deciding import decide
from unhype.registry.models import REQUIRED, versions
from unhype.registry.store import open_store

pytestmark = pytest.mark.slow


def test_registering_over_http(guard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "report.html").write_text("<p>valid</p>")
    scores = json.loads((guard / "scores.json").read_text())
    curve = [{"step": 1, "loss": 1.0}, {"step": 2, "loss": 0.5}]
    with team_server(tmp_path / "team") as url:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        passed = decision(guard, tmp_path, True)
        for run in ("TrainFlow/17", "TrainFlow/18"):
            made = curve, tmp_path / "report.html", run, "# Card", passed
            assert publish_guard(tmp_path / "mine", NAME, guard, scores, *made, made=MADE) == f"models:/{NAME}/1"
        store = open_store(tmp_path / "mine")
        (version,) = versions(store, NAME)
        assert set(REQUIRED) <= set(version.tags)
        (model,) = store.client.search_logged_models([store.experiment_id()])
        assert {metric.key: metric.value for metric in model.metrics} == {"protocols/unseen/H": 0.9}
        assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": NAME, "version": "1"}]
        assert {"report.html", "scores.json", "gallery.png", "images"} <= {
            file.path for file in store.client.list_artifacts(version.run_id)
        }
        fetched = local_folder(f"models:/{NAME}@challenger", tmp_path / "theirs")
        assert fetched.is_relative_to(tmp_path / "theirs")
        assert bytes_of(fetched).items() >= bytes_of(guard).items()
        assert (fetched / "verdict.json").exists()
        # What the version's page shows: its picture is there for the browser.
        description = store.client.get_model_version(NAME, "1").description
        (link,) = re.findall(r"!\[gates.png\]\((\S+)\)", description)
        with urlopen(f"{url}/{link}") as picture:
            assert picture.read().startswith(b"\x89PNG")
        # As in the UI: champion by alias, and a copy by "Promote model"; then one that no gate let pass.
        store.client.set_registered_model_alias(NAME, "champion", "1")
        store.client.copy_model_version(f"models:/{NAME}/1", "prod")
        for asked in (f"models:/{NAME}@champion", "models:/prod/1"):
            assert bytes_of(local_folder(asked, tmp_path / "third")).items() >= bytes_of(guard).items()
        decide(store, versions(store, NAME)[0], decision(guard, tmp_path, False))
        with pytest.raises(UnhypeError, match="rejected by its gates: near misses"):
            local_folder(f"models:/{NAME}@champion", tmp_path / "third")
        assert next(reconcile(store, NAME)).startswith(f"models:/{NAME}/1 is no longer @champion, and nobody is")
    assert not (tmp_path / "mine" / "mlartifacts").exists(), "all of it is the server's"
