"""The main flow at toy size: from a list to a registered version that loads back and guards; lists that it refuses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.checkouts import LIST, settings
from unhype.bases.loading import load_pipeline
from unhype.erasing.guard import Guard
from unhype.errors import UnhypeError
from unhype.pictures.sampling import Sampling, sample
from unhype.pipeline.job import MAKERS
from unhype.pipeline.sources import digest
from unhype.prompts.stored import read_table, rows_hash, tables_hash
from unhype.registry import local_folder
from unhype.registry.models import versions
from unhype.registry.store import open_store
from unhype.storage.addresses import address

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent.parent

TOY = LIST.format(name="toy")

SETTINGS = settings(rows=4, strata=2, samples=10, steps=10)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("flow")
    (place / "data").mkdir()
    for part in ("bases", "judges", "concepts"):
        (place / "data" / part).symlink_to(ROOT / "data" / part)
    (place / "toy.yaml").write_text(TOY)
    (place / "params.yaml").write_text(SETTINGS)
    return place


def tracked() -> str:
    """What differs in this checkout from its commit."""
    command = ["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def run(place: Path, *arguments: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    where = {"--data": "data", "--build": "build", "--store": "store", "--settings": "params.yaml"}
    options = [text for option, name in where.items() for text in (option, str(place / name))]
    return flow(place, "run", *options, *arguments, encoding=encoding)


def flow(
    place: Path, *arguments: str, encoding: str = "utf-8", file: str = "train_flow.py"
) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(place / "metaflow"),
        "OMP_NUM_THREADS": "2",
        "PYTHONIOENCODING": encoding,
    }
    command = [sys.executable, str(ROOT / "flows" / file), *arguments]
    return subprocess.run(
        command, capture_output=True, encoding=encoding, errors="replace", env=environment, cwd=place, check=False
    )


def test_a_list_becomes_a_registered_guard(place: Path) -> None:
    before = tracked()
    done = run(place, "--concepts", str(place / "toy.yaml"))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    guard = Guard.load(local_folder("models:/unhype-toy@challenger", place / "store"))
    assert guard.trained.facts["forget"] == ["Cher", "Prince"]
    (version,) = versions(open_store(place / "store"), "unhype-toy")
    assert guard.trained.facts["code"] == version.tags["code"] == digest(MAKERS)
    assert (version.aliases, version.tags["gate"], version.tags["gate_champion"]) == (("challenger",), "passed", "none")
    evidence = {path.name for path in (place / "store" / "mlartifacts").rglob("gates/unhype-toy-1/*")}
    assert evidence == {"gates.json", "gates.md", "gates.png", "erasure.html"}
    pipeline = load_pipeline(ROOT / "data" / "bases" / "mini-sd")
    with guard.attached(pipeline):
        assert np.concatenate(list(sample(pipeline, ["a photo of Cher"], [1], Sampling(steps=2)))).shape == (
            1,
            64,
            64,
            3,
        )
    scores = json.loads((place / "build" / "results" / "mini-sd" / "toy" / "scores.json").read_text())
    assert set(scores["protocols"]) == {"unseen", "papers"}
    assert all(score["n"] >= 4 for score in scores["roles"].values())
    tables = place / "data" / "prompts" / "toy"
    assert {path.name for path in tables.glob("*.csv")} == {"train.csv", "retain.csv", "pairs.csv", "evaluation.csv"}
    assert scores["prompts"]["evaluation"] == rows_hash(read_table(tables / "evaluation.csv"))
    training = {name: read_table(tables / f"{name}.csv") for name in ("train", "retain", "pairs")}
    assert scores["prompts"]["training"] == guard.trained.facts["tables"] == tables_hash(training)
    manifests = [pd.read_csv(path) for path in (place / "data" / "images" / "mini-sd" / "toy").rglob("manifest.csv")]
    (guarded,) = (rows for rows in manifests if rows["guard"].notna().all())
    assert set(guarded["guard"]) == {guard.trained.facts["sha256"]}
    asked = read_table(tables / "evaluation.csv")
    assert set(zip(guarded["prompt"], guarded["seed"], strict=True)) >= set(  # and what gates asked
        zip(asked["prompt"], asked["seed"], strict=True)
    )
    told = {"training_tables": tables_hash(training), "evaluation_table": scores["prompts"]["evaluation"]}
    told |= {"prompts_data": address(tables), "pictures_data": address(place / "data" / "images" / "mini-sd" / "toy")}
    assert version.tags.items() >= told.items(), "a version says what made it, as it lies there"
    assert tracked() == before, "the job changes no tracked file"

    # Without pictures, in three shards: the same job trains once, draws again, and finds the same.
    shutil.rmtree(place / "data" / "images")
    again = run(place, "--concepts", str(place / "toy.yaml"), "--shards", "3", encoding="cp1252")
    told = again.stdout + again.stderr
    assert again.returncode == 0, told[-3000:]
    assert json.loads((place / "build" / "results" / "mini-sd" / "toy" / "scores.json").read_text()) == scores
    assert "Acc_e" in told
    assert "registered models:/unhype-toy/" in told
    assert "training: " not in told, "the same job trains once"
    assert len(versions(open_store(place / "store"), "unhype-toy")) == 1, "the same guard is registered once"

    assert not (place / "data" / "scores").exists(), "what was measured lies in run folders"

    origin = (place / "metaflow" / ".metaflow" / "TrainFlow" / "latest_run").read_text().strip()
    for folder in ("build", "data/images", "data/prompts"):
        shutil.rmtree(place / folder)
    resumed = flow(place, "resume", "--origin-run-id", origin, "gate")
    told = resumed.stdout + resumed.stderr
    assert resumed.returncode == 0, told[-3000:]
    assert len(versions(open_store(place / "store"), "unhype-toy")) == 1, "nor by a resumed run"
    assert Guard.load(next((place / "build" / "guards").iterdir())).trained.facts == guard.trained.facts
    assert read_table(tables / "evaluation.csv").equals(asked)
    assert len(list((place / "data" / "images").rglob("*.png"))) >= len(asked), "pictures travel with the run"

    (place / "toy.yaml").write_text(TOY.replace("retain: [Amy Adams", "retain: [CHER"))
    origin = (place / "metaflow" / ".metaflow" / "TrainFlow" / "latest_run").read_text().strip()
    for step in ("train", "evaluate", "register"):
        resumed = flow(place, "resume", "--origin-run-id", origin, step)
        told = resumed.stdout + resumed.stderr
        assert resumed.returncode != 0
        assert "as this run validated it" in told, told[-3000:]
        assert "Traceback" not in told
    (place / "toy.yaml").write_text(TOY)


def test_a_version_is_evaluated_again(place: Path) -> None:
    """On its own list, in shards: the figures of its training; and on somebody's own prompts."""
    where = {"--data": "data", "--build": "build", "--store": "store", "--settings": "params.yaml"}
    options = [text for option, name in where.items() for text in (option, str(place / name))]
    asked = ["run", *options, "--model", "models:/unhype-toy/1", "--concepts", str(place / "toy.yaml")]
    done = flow(place, *asked, "--shards", "2", file="evaluate_flow.py")
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-3000:]
    (path,) = (place / "build" / "evaluations").rglob("scores.json")
    now, before = (
        json.loads(each.read_text()) for each in (path, next((place / "build" / "guards").rglob("scores.json")))
    )
    assert now["protocols"] == before["protocols"]
    assert now["judge"] == before["judge"]
    (version,) = versions(open_store(place / "store"), "unhype-toy")
    assert "toy, evaluation; EvaluateFlow/" in version.tags["evaluated"]
    assert version.aliases == ("challenger",), "no alias moves"
    (place / "own.csv").write_text("prompt,seed,type\na photo of Cher,5,erased\na photo of Drake,6,others\n")
    done = flow(place, *asked, "--on", str(place / "own.csv"), file="evaluate_flow.py")
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    for wrong, message in ((["--on", "nowhere.csv"], "got the table"), (["--shards", "0"], "got the shard 0 of 0")):
        done = flow(place, *asked, *wrong, file="evaluate_flow.py")
        told = done.stdout + done.stderr
        assert done.returncode != 0
        assert message in told
        assert "Traceback" not in told


def test_the_gates_judge_alone(place: Path) -> None:
    """What passed lax gates does not pass those of the project: four pictures of a guard that was hardly trained."""
    strict = SETTINGS.partition("gates:")[0] + "training:" + SETTINGS.partition("training:")[2]
    (place / "strict.yaml").write_text(strict)
    names = {"--data": "data", "--build": "build", "--store": "store", "--concepts": "toy.yaml"}
    where = [text for option, name in names.items() for text in (option, str(place / name))]
    asked = ["run", "--model", "models:/unhype-toy@challenger", "--settings", str(place / "strict.yaml"), *where]
    done = flow(place, *asked, file="promote_flow.py")
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-3000:]
    assert "models:/unhype-toy/1: rejected" in told
    assert "wanted at least 100" in told
    (version,) = versions(open_store(place / "store"), "unhype-toy")
    assert (version.aliases, version.tags["gate"]) == ((), "rejected")
    with pytest.raises(UnhypeError, match="rejected by its gates"):
        local_folder("models:/unhype-toy/1", place / "store")
    again = flow(place, *asked, file="promote_flow.py")
    assert again.returncode != 0
    assert "got @challenger" in again.stdout + again.stderr
    assert "Traceback" not in again.stdout + again.stderr


def test_edited_rows_make_another_guard_and_leaking_ones_none(place: Path) -> None:
    """On what the test before has left: its guard, its pictures, its tables."""
    path = place / "data" / "prompts" / "toy" / "train.csv"
    held, asked = path.read_text(), read_table(path.parent / "evaluation.csv")
    added = read_table(path).iloc[:1].assign(seed=10_900_000)
    leaking = added.assign(
        template=asked["template"][0],
        prompt=asked["template"][0].format("Cher"),
        anchor_prompt=asked["template"][0].format("a woman"),
    )
    path.write_text(held + leaking.to_csv(index=False, header=False))
    done = run(place, "--concepts", str(place / "toy.yaml"))
    told = done.stdout + done.stderr
    assert done.returncode != 0
    assert "has a template of the evaluation split" in told, told[-3000:]
    assert "Traceback" not in told
    path.write_text(held + added.to_csv(index=False, header=False))
    before = {folder.name for folder in (place / "build" / "guards").iterdir()}
    done = run(place, "--concepts", str(place / "toy.yaml"))
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-3000:]
    assert len({folder.name for folder in (place / "build" / "guards").iterdir()} - before) == 1
    assert "training: 4 of 4" in told
    assert "are there already" in told, "what the base drew for other rows is not drawn again"
    path.write_text(held)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--concepts", "celeb999"], "celeb999"),
        (["--concepts", "BROKEN"], "rule"),
        (["--concepts", "STRANGE"], "Nobody Known in the concept set"),
        (["--concepts", "TOY", "--base", "nothing"], "got the base 'nothing'"),
        (["--concepts", "DOTTED"], "got the name 'toy.v2'"),
        (["--concepts", "LOWER"], "did you mean Cher?"),
        (["--concepts", "TOY", "--model", "team.v2"], "got the model name 'team.v2'"),
        (["--concepts", "TOY", "--model", "team's"], "got the model name"),
        (["--concepts", "TOY", "--seed", "-1"], "got -1 as --seed"),
    ],
)
def test_what_cannot_work_is_refused_before_any_training(place: Path, options: list[str], message: str) -> None:
    (place / "broken.yaml").write_text(
        TOY.replace("name: toy", "name: broken").replace("retain: [Amy Adams", "retain: [CHER")
    )
    (place / "strange.yaml").write_text(
        TOY.replace("name: toy", "name: strange").replace("concept: Cher", "concept: Nobody Known")
    )
    (place / "toy.v2.yaml").write_text(TOY.replace("name: toy", "name: toy.v2"))
    (place / "lower.yaml").write_text(TOY.replace("name: toy", "name: lower").replace("concept: Cher", "concept: cher"))
    files = {
        "DOTTED": "toy.v2.yaml",
        "LOWER": "lower.yaml",
        "BROKEN": "broken.yaml",
        "STRANGE": "strange.yaml",
        "TOY": "toy.yaml",
    }
    done = run(place, *(str(place / files[option]) if option in files else option for option in options))
    told = done.stdout + done.stderr
    assert done.returncode != 0
    assert message in told
    assert "Traceback" not in told
