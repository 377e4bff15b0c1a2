"""Experiments ask the main job, in settings that a row of theirs may change."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


def test_a_row_of_an_experiment_is_a_job_with_its_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).resolve().parent.parent
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "path", [str(root / "experiments"), *sys.path])
    from development import development_job, overridden

    job = development_job(5, changes=["sampling.steps=7", "judges.clip=hub/clip", "base.cache_gb=1.5"])
    told = (job.prompts.per_role, job.sampling.steps, job.judges.clip, job.loading.cache_gb)
    assert told == (5, 7, "hub/clip", 1.5)
    assert not job.monitored
    other = development_job(5, overridden(job.training, ["hypernet.rank=8"]))
    assert other.training.hypernet.rank == 8
    assert other.guard_folder != job.guard_folder
