"""What a version was made from: the run's own tables, pictures and settings, and nothing that was edited since."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.jobs import toy_job
from unhype.concepts.loading import load_set
from unhype.erasing.checkpoint import FORMAT
from unhype.errors import UnhypeError
from unhype.pipeline import job as jobs
from unhype.pipeline.job import Job
from unhype.pipeline.provenance import made_from
from unhype.prompts.stored import read_table, rows_hash, tables_hash
from unhype.prompts.tables import PromptSettings
from unhype.storage.addresses import address

TOY = """
name: toy
kind: people
source: a test
forget: [{concept: Cher, anchor: a woman}, {concept: Prince, anchor: a man}]
retain: [Amy Adams, Drake]
evaluation: [Aaron Paul]
"""

SCORES = {"guard": "a" * 64}


@pytest.fixture
def job(data: Path, tmp_path: Path) -> Job:
    (tmp_path / "toy.yaml").write_text(TOY)
    made = toy_job(load_set(str(tmp_path / "toy.yaml"), data / "concepts"), data, tmp_path)
    jobs.write_prompts(made)
    (made.images_folder / "none-0123").mkdir(parents=True)
    (made.images_folder / "none-0123" / "a.png").write_bytes(b"a")
    return with_guard(made)


def with_guard(job: Job) -> Job:
    """As if it had been trained."""
    job.guard_folder.mkdir(parents=True)
    (job.guard_folder / "guard.json").write_text(json.dumps({"format": FORMAT, "sha256": "a" * 64}))
    return job


def test_every_hash_is_that_of_what_lies_there(job: Job) -> None:
    made = made_from(job, SCORES)
    tables = {path.stem: read_table(path) for path in job.prompts_folder.glob("*.csv")}
    assert made["evaluation_table"] == rows_hash(tables.pop("evaluation"))
    assert made["training_tables"] == tables_hash(tables)
    assert made["prompts_data"] == address(job.prompts_folder)
    assert made["pictures_data"] == address(job.images_folder)
    assert len(made["settings"]) == 64
    assert made == made_from(replace(job), SCORES)


def test_it_changes_with_pictures_and_settings(job: Job) -> None:
    before = made_from(job, SCORES)
    (job.images_folder / "none-0123" / "b.png").write_bytes(b"b")
    after = made_from(replace(job, prompts=PromptSettings(3)), SCORES)
    assert {name for name in before if before[name] != after[name]} == {
        "pictures_data",
        "settings",
        "evaluation_table",
    }


def test_another_guard_is_refused(job: Job) -> None:
    """Settings that were edited while the run went on are not those that made the guard."""
    edited = replace(job, sampling=replace(job.sampling, steps=2))
    for other, scores in ((edited, SCORES), (job, {"guard": "b" * 64})):
        with pytest.raises(UnhypeError, match="put them back, or start a new run"):
            made_from(other, scores)
