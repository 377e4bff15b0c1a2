"""The main job on every family: from a folder of weights to a guard that is attached again."""

from __future__ import annotations

from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch

from tests.families import tiny
from tests.families.guards import FORGOTTEN, KEPT, SET, draw
from tests.families.training import PICTURES, settings
from unhype.bases.finding import Source
from unhype.erasing.guard import Guard
from unhype.families.choosing import family_of
from unhype.pipeline import making
from unhype.pipeline.job import Job, load_base
from unhype.prompts.tables import PromptSettings

pytestmark = pytest.mark.slow


EACH = [*((name, "") for name in tiny.BUILDERS), ("flux_dev", "states"), ("flux_schnell", "both")]


@pytest.mark.parametrize(("name", "reads"), EACH)
def test_a_folder_becomes_a_guard_for_it(name: str, reads: str, tmp_path: Path) -> None:
    folder = tmp_path / "bases" / "tiny"
    tiny.BUILDERS[name]().save_pretrained(folder)
    source = Source("tiny", folder=folder)
    how = settings(2, reads=reads, switch=not reads)  # a random T5 tells no names: there the plain form, without one
    job = Job(SET, source, tmp_path, tmp_path / "build", how, PromptSettings(1), PICTURES)
    family = load_base(job)
    assert family.reads == (reads or "pooled")
    parts = {progress.part for progress in making.train(job, family)}
    assert parts == {"base pictures", "training"}
    assert len(making.read_curve(job)) == 2

    guard = Guard.load(job.guard_folder)
    facts = guard.trained.facts
    assert (facts["family"], facts["site_table"], facts["reads"]) == (family.name, family.table, family.reads)
    assert facts.get("shape", {}) == family.shape
    again = diffusers.DiffusionPipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    again.set_progress_bar_config(disable=True)
    before = draw(family, [FORGOTTEN, KEPT])
    with guard.attached(again):
        guarded = draw(family_of(again), [FORGOTTEN, KEPT])
    assert not np.array_equal(guarded[0], before[0])
    assert how.switch == np.array_equal(guarded[1], before[1])
