"""Champions are judged again on the list that they were trained on, beside what was found then; nothing moves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.review.conftest import Checkout
from unhype.concepts.loading import load_set
from unhype.errors import UnhypeError
from unhype.registry.models import REQUIRED, Version, register, versions
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import Store, open_store
from unhype.review import champions

pytestmark = pytest.mark.slow

NAME = "unhype-soul"


def gates(value: float, passed: bool) -> dict[str, Any]:
    gate = {"name": "forgotten", "title": "Acc_e", "value": value, "n": 500, "status": "passed" if passed else "failed"}
    return {"passed": passed, "reasons": [] if passed else ["Acc_e: got 0.2"], "gates": [gate]}


@pytest.fixture
def store(checkout: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    """A registry with a champion of the list as it is committed, and its evidence."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)
    for part in ("bases", "judges"):
        (checkout.folder / "data" / part).mkdir(exist_ok=True)
    made = open_store(checkout.folder)
    guard = tmp_path / "guard"
    guard.mkdir()
    save_file({"hypernet.A": np.arange(6, dtype=np.float32)}, guard / "guard.safetensors")
    concepts = load_set("soul")
    card = {"concepts": "soul", "concepts_hash": concepts.content_hash(), "base": "mini-sd", "forget": ["Cher"]}
    (guard / "guard.json").write_text(json.dumps(card))
    run = log_run(made, RunRecord("r", "TrainFlow/1"))
    register(made, guard, NAME, dict.fromkeys(REQUIRED, "x"), "", run)
    (tmp_path / "gates.json").write_text(json.dumps(gates(0.01, True)))
    made.client.log_artifact(run, str(tmp_path / "gates.json"), f"gates/{NAME}-1")
    made.client.set_registered_model_alias(NAME, "champion", "1")
    return made


def judged(monkeypatch: pytest.MonkeyPatch, found: dict[str, Any]) -> list[Path]:
    """Let the gates find that; returns the lists they were asked about."""
    asked: list[Path] = []

    def job_of(_guard: Path, _params: object, path: str, *_: object) -> None:
        asked.append(Path(path))
        load_set(path)

    monkeypatch.setattr(champions, "read_card", lambda folder: json.loads((folder / "guard.json").read_text()))
    monkeypatch.setattr(champions, "job_of", job_of)
    monkeypatch.setattr(champions, "judge", lambda *_: found)
    return asked


def state(store: Store) -> list[Version]:
    return versions(store, NAME)


def test_a_champion_beside_what_it_was_when_it_was_registered(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = state(store)
    asked = judged(monkeypatch, gates(0.02, True))
    text, passed = champions.reevaluate(tmp_path)
    assert passed
    assert f"### ✓ still passes: models:/{NAME}/1" in text
    assert "| Acc_e | 0.0100 | 0.0200 | 500 | passed |" in text
    assert asked == [Path("data/concepts/soul.yaml")]
    judged(monkeypatch, gates(0.2, False))
    text, passed = champions.reevaluate(tmp_path)
    assert not passed
    assert "✗ no longer passes" in text
    assert "- Acc_e: got 0.2" in text
    assert state(store) == before


def test_a_list_that_was_edited_since_is_taken_from_git(
    store: Store, checkout: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    checkout.write("soul", "Drake", "Sting")
    checkout.commit()
    checkout.write("soul", "Drake", "Adele")
    asked = judged(monkeypatch, gates(0.02, True))
    assert champions.reevaluate(tmp_path)[1]
    assert asked[0].name == "soul.yaml"
    assert not asked[0].is_relative_to(checkout.folder)

    monkeypatch.setattr(champions.git, "commits_of", lambda _: [])
    text, passed = champions.reevaluate(tmp_path)
    assert not passed
    assert "not judged" in text
    assert "fetch all of the history" in text


def test_nobody_to_judge(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store.client.delete_registered_model_alias(NAME, "champion")
    text, passed = champions.reevaluate(tmp_path)
    assert passed
    assert f"`{NAME}` has no champion." in text
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(UnhypeError, match="got no answer from MLflow"):
        champions.reevaluate(tmp_path)
