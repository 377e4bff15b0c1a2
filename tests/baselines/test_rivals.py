"""Every rival on the real miniature: drawn before, not after; a neighbour still drawn; the pipeline restored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from unhype.baselines.case import Case, Method
from unhype.baselines.esd import Esd
from unhype.baselines.mace import MaceLike
from unhype.baselines.spm_gate import SpmGate
from unhype.baselines.static_lora import StaticLora
from unhype.baselines.threshold import Threshold
from unhype.baselines.uce import Uce
from unhype.baselines.unguide import UnGuide
from unhype.bases.finding import Source
from unhype.concepts.schema import ConceptSet, Entry
from unhype.erasing import material
from unhype.erasing.trainer import TrainingSettings
from unhype.errors import UnhypeError
from unhype.judges.miniature import MiniatureJudge
from unhype.pictures.sampling import Sampling
from unhype.pipeline import job as jobs
from unhype.pipeline import making
from unhype.prompts.tables import PromptSettings, training_tables
from unhype.training import Schedule

pytestmark = pytest.mark.slow

TOY = ConceptSet("toy", "people", (Entry("Adam Driver", "a man"),), ("Drake", "Cher", "Bob Marley", "Bob Dylan"))
HOW = Sampling(steps=6, batch=16)
FORGOTTEN = ["a photo of Adam Driver"] * 4
NEIGHBOURS = ["a photo of Drake", "a portrait of Cher", "a photo of Bob Marley"]
QUICK = TrainingSettings(schedule=Schedule(steps=20, batch=8, rate=1e-2), pictures=1)
"""Short and fast: enough to forget one person."""


@pytest.fixture(scope="module")
def case(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("case")
    (folder / "data").mkdir()
    (folder / "data" / "bases").symlink_to(data / "bases")
    job = jobs.Job(
        TOY,
        Source("mini-sd", folder=folder / "data" / "bases" / "mini-sd"),
        folder / "data",
        folder / "build",
        QUICK,
        PromptSettings(4),
        HOW,
    )
    family, tables = jobs.load_base(job), training_tables(TOY)
    album, needed = making.bare_album(job, family), material.pictures_needed(tables, QUICK.pictures)
    for _drawn in album.draw(list(needed["prompt"]), list(needed["seed"])):
        pass
    alone = {**tables, "pairs": tables["pairs"].iloc[:0]}
    stuff = material.build_material(family, album, alone, needed, None, QUICK.shares)
    return Case(family, job.base.hash, tables["train"], tables["retain"], stuff, HOW, 0, folder / "fitted")


@pytest.fixture(scope="module")
def judge(data: Path) -> MiniatureJudge:
    return MiniatureJudge(data / "judges" / "mini-judge")


METHODS = {
    "static_lora": StaticLora(QUICK),
    "threshold": Threshold(QUICK),
    "spm_gate": SpmGate(QUICK),
    "unguide_paper": UnGuide("unguide_paper", noises=2, settings=QUICK),
    "uce": Uce(),
    "mace_like": MaceLike(QUICK),
    "esd_x": Esd("esd_x", schedule=Schedule(steps=20, batch=4, rate=1e-3, decay=0.0)),
    "esd_u": Esd("esd_u", schedule=Schedule(steps=20, batch=4, rate=3e-4, decay=0.0)),
}


@pytest.mark.parametrize("name", METHODS)
def test_drawn_before_and_not_after_and_the_pipeline_is_itself_again(
    case: Case, judge: MiniatureJudge, name: str
) -> None:
    method: Method = METHODS[name]
    family, prompts, seeds = case.family, [*FORGOTTEN, *NEIGHBOURS], list(range(7))
    before = np.concatenate(list(family.draw(prompts, seeds, HOW)))
    for part in (*method.needs, method):
        for _step in part.fit(case):
            pass
    assert not list(method.fit(case)), "what is fitted is not fitted again"
    during = np.concatenate(list(method.eraser(case).draw(prompts, seeds)))
    after = np.concatenate(list(family.draw(prompts, seeds, HOW)))
    assert np.array_equal(before, after)
    shown = [["Adam Driver" in seen.concepts for seen in judge.read(pixels[:4])] for pixels in (before, during)]
    assert sum(shown[0]) == 4
    assert sum(shown[1]) <= 1
    change = np.abs(before.astype(int) - during).mean((1, 2, 3))
    if not name.startswith(("unguide", "esd")):
        assert change[4:].mean() < 0.7 * change[:4].mean(), "the neighbours suffer as much"


def test_a_rival_that_is_not_fitted_or_was_fitted_elsewhere_is_refused(case: Case, tmp_path: Path) -> None:
    from dataclasses import replace

    other = replace(case, folder=tmp_path)
    with pytest.raises(UnhypeError, match="wanted uce to be fitted first"):
        Uce().eraser(other)
    other.keep("uce", {"weight": torch.zeros(1)}, {})
    with pytest.raises(UnhypeError, match="this base fits"):
        replace(other, base_hash="0" * 64).fitted("uce")


def test_both_forms_of_unguidance_share_one_lora() -> None:
    assert UnGuide("unguide_paper").fits == UnGuide("unguide_code").fits
