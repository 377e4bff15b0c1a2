"""Champions go from one registry into another with all that is known of them, once, and leave it as they came."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from unhype.errors import UnhypeError
from unhype.registry.champions import champion_of
from unhype.registry.copying import copy_champions
from unhype.registry.gating import guard_hash, objection, seal
from unhype.registry.lineage import figures_of
from unhype.registry.models import REQUIRED, register, versions
from unhype.registry.resolving import local_folder
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import Store, open_store

pytestmark = pytest.mark.slow

NAME = "unhype-celeb100"


@pytest.fixture
def team(store: Store, guard: Path) -> Store:
    """A registry whose second version passed and is champion."""
    for number, status in ((1, "rejected"), (2, "passed")):
        (guard / "guard.json").write_text((guard / "guard.json").read_text().replace("}", f', "number": {number}}}', 1))
        digest = guard_hash(guard)
        verdict = {"gate": status, "gate_evidence": "e" * 64, "gate_seal": seal(status, digest, "e" * 64)}
        tags = dict.fromkeys(REQUIRED, "x") | {"concept_set": "celeb100"} | verdict
        run = log_run(store, RunRecord("r", f"TrainFlow/{number}"))
        register(store, guard, NAME, tags, "the page", run, {"H": 0.9})
    store.client.set_registered_model_alias(NAME, "champion", "2")
    return store


def test_a_champion_is_copied_once_with_verdict_figures_and_page(team: Store, made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "other")
    other = open_store(tmp_path / "other")
    assert list(copy_champions(team, other)) == [
        f"models:/{NAME}/1 is champion, a copy of models:/{NAME}/2 in {team.place}"
    ]
    assert list(copy_champions(team, other)) == []
    (copy,) = versions(other, NAME)
    assert copy.tags["copied_from"] == f"models:/{NAME}/2"
    assert objection(copy.tags) == ""
    folder = local_folder(f"models:/{NAME}@champion", tmp_path / "other")
    assert guard_hash(folder) == copy.tags["guard_hash"]
    assert figures_of(other, copy) == {"H": 0.9}
    assert other.client.get_model_version(NAME, "1").description == "the page"

    team.client.delete_registered_model_alias(NAME, "champion")
    assert list(copy_champions(team, other)) == [f"{NAME} has no champion any more"]
    assert champion_of(other, NAME) is None


def test_a_champion_whose_files_are_gone_is_told(team: Store, made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "other")
    other = open_store(tmp_path / "other")
    shutil.rmtree(team.artifacts)
    with pytest.raises(UnhypeError, match=NAME):
        list(copy_champions(team, other))
