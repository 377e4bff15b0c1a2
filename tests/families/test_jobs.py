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
from unhype.families.loading import load_family
from unhype.pipeline import making
from unhype.pipeline.job import Job
from unhype.prompts.tables import PromptSettings

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", tiny.BUILDERS)
def test_a_folder_becomes_a_guard_for_it(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "bases" / "tiny"
    tiny.BUILDERS[name]().save_pretrained(folder)
    source = Source("tiny", folder=folder)
    family = load_family(source)
    job = Job(SET, source, tmp_path, tmp_path / "build", settings(2), PromptSettings(1), PICTURES)
    parts = {progress.part for progress in making.train(job, family)}
    assert parts == {"base pictures", "training"}
    assert len(making.read_curve(job)) == 2

    guard = Guard.load(job.guard_folder)
    assert (guard.trained.facts["family"], guard.trained.facts["site_table"]) == (family.name, family.table)
    assert guard.trained.facts.get("shape", {}) == family.shape
    again = diffusers.DiffusionPipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    again.set_progress_bar_config(disable=True)
    before = draw(family, [FORGOTTEN, KEPT])
    with guard.attached(again):
        guarded = draw(family_of(again), [FORGOTTEN, KEPT])
    assert not np.array_equal(guarded[0], before[0])
    assert np.array_equal(guarded[1], before[1])
