"""Things, examined class by class: one guard, its switch set to each class in turn."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from tests.jobs import toy_job
from unhype.bases.finding import find_base
from unhype.bases.identity import identify
from unhype.concepts.schema import ConceptSet, Entry
from unhype.erasing.checkpoint import Trained
from unhype.erasing.fitting import fit_to_set
from unhype.erasing.guard import Guard
from unhype.erasing.hypernet import Hypernet
from unhype.erasing.material import pictures_needed
from unhype.errors import UnhypeError
from unhype.pipeline import job as jobs
from unhype.pipeline.examination import Examination
from unhype.pipeline.plots import ERASURE, SWITCH
from unhype.prompts.tables import training_tables
from unhype.reports.tables import turn_rows

THINGS = ConceptSet(
    "toy",
    "things",
    (Entry("dog", "a forest", synonyms=("hound",)), Entry("ship", "the sky", synonyms=("boat",))),
    ("a street", "a lamp"),
    ("Aaron Paul",),
)


@pytest.fixture
def job(data: Path, tmp_path: Path) -> jobs.Job:
    return toy_job(THINGS, data, tmp_path)


def test_pictures_come_from_all_over_and_anchors_get_more(job: jobs.Job) -> None:
    tables = training_tables(job.concepts)
    needed = pictures_needed(tables, 2)
    assert needed.groupby("key").size().to_dict() == {
        "concept dog": 2,
        "concept ship": 2,
        "anchor a forest": 16,
        "anchor the sky": 16,
    }
    assert needed.equals(pictures_needed(tables, 2))


@pytest.mark.slow
def test_each_class_in_turn(job: jobs.Job) -> None:
    family = jobs.load_base(job)
    torch.manual_seed(0)
    switch = fit_to_set(family, job.concepts)
    assert switch.concepts == ("dog", "ship")
    facts = {
        "base": "mini-sd",
        "family": "stable_diffusion",
        "site_table": "cross_attention",
        "base_hash": job.base.hash,
        "sha256": "x" * 64,
    }
    hypernet = Hypernet(job.training.hypernet, family.sites, family.width).eval()
    guard = Guard(Trained(hypernet, switch, identify(family.parts), facts))
    examination = Examination(job, family, guard, jobs.judging_of(job).judge)
    assert set(examination.table["group"]) == {"forget", "alias", "retain", "evaluation"}
    parts = [progress.part for progress in examination.draw()]
    assert {"bare pictures", "guarded pictures", "dog in turn", "ship in turn"} == set(parts)
    scores = examination.scores()
    retained = scores["roles"]["retain"]
    assert retained["unjudged"] == retained["n"], "the judge has no word for a street"
    assert "must_stay" not in retained
    assert set(scores["protocols"]) == {"unseen"}
    assert set(scores["in_turn"]) == {"dog", "ship"}
    assert 0 <= scores["H_o"] <= 1
    header, rows = turn_rows(scores)
    assert [row[0] for row in rows] == ["dog", "ship", "mean of 2"]
    assert len(header) == len(rows[0])
    examination.write(scores)
    assert (job.guard_folder / "gallery.png").exists()
    points = pd.read_csv(job.results_folder / ERASURE)
    assert list(points["asked"]) == ["by name", "by another name", "dog alone", "ship alone"]
    assert pd.read_csv(job.results_folder / SWITCH).groupby("role").size().to_dict() == {
        role: told["n"] for role, told in scores["roles"].items()
    }
    assert [progress.done == progress.total for progress in examination.draw()] == [True] * 4, "nothing is drawn twice"

    unjudged = Examination(job, family, guard, None)
    assert [progress.part for progress in unjudged.draw()] == ["bare pictures", "guarded pictures"]
    found = unjudged.scores()
    assert (found["judge"], found["unjudged"], found["protocols"]) == (None, True, {})
    assert "in_turn" not in found
    assert "fidelity" not in found
    seen = Examination(job, family, guard, None, clip=jobs.judging_of(job).embeddings).scores()
    assert seen["fidelity"].keys() == {"n", "cmmd", "cmmd_floor", "clip_score", "clip_score_base"}
    assert set(found["roles"]) == {"forget", "alias", "retain", "evaluation"}
    assert set(found["roles"]["forget"]) == {"group", "n", "n_go", "n_stay", "drift", "identical"}
    assert found["roles"]["forget"]["drift"] == scores["roles"]["forget"]["drift"]
    assert found["switch_auc"]["evaluation"] == scores["switch_auc"]["evaluation"]
    unjudged.write(found)


def test_what_is_not_there_is_said(job: jobs.Job, data: Path) -> None:
    with pytest.raises(UnhypeError, match="got no guard in"):
        jobs.guard_of(job)
    with pytest.raises(UnhypeError, match="wanted one of mini-flux, mini-sd"):
        find_base("maxi-sd", data)
