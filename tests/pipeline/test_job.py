"""A job opens on a base that nobody can judge; on one that somebody can, what he could not tell is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from unhype.errors import UnhypeError
from unhype.judges.choosing import JudgeSettings
from unhype.judges.zero_shot import ZeroShot
from unhype.params import Params
from unhype.pipeline import job as jobs
from unhype.prompts.tables import PromptSettings


@pytest.fixture
def place(data: Path, tmp_path: Path) -> Path:
    """A data folder with the shipped base, and one that no card describes."""
    base = data / "bases" / "mini-sd"
    shutil.copytree(base, tmp_path / "bases" / "elsewhere", ignore=shutil.ignore_patterns("card.json"))
    for part in ("judges", "concepts", "bases/mini-sd"):
        (tmp_path / part).symlink_to(data / part)
    return tmp_path


def opened(place: Path, concepts: str, base: str, judges: JudgeSettings | None = None) -> jobs.Job:
    return jobs.open_job(Params(judges=judges or JudgeSettings()), concepts, base, place, place / "build")


def test_a_base_without_a_judge_opens_and_a_named_clip_judges_it(place: Path) -> None:
    job = opened(place, "objects", "elsewhere")
    assert jobs.judging_of(job).judge is None
    assert jobs.judging_of(job).embeddings is None
    assert "judges: {clip:" in jobs.judging_of(job).missing
    named = opened(place, "objects", "elsewhere", JudgeSettings("somebody/some-clip"))
    assert isinstance(jobs.judging_of(named).judge, ZeroShot)


def test_styles_open_on_the_miniature_unjudged_and_a_strange_base_does_not(place: Path) -> None:
    assert jobs.judging_of(opened(place, "styles", "mini-sd")).judge is None
    with pytest.raises(UnhypeError, match="got the base 'nothing', wanted one of elsewhere, mini-sd"):
        opened(place, "objects", "nothing")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_tables_on_the_disk_are_what_a_guard_is_made_from(place: Path) -> None:
    def again() -> jobs.Job:
        return opened(place, "objects", "mini-sd")

    folder = again().prompts_folder
    drafted = again().fingerprint
    assert not folder.exists(), "to ask for a name writes nothing"
    checked = jobs.write_prompts(again())
    assert again().fingerprint == drafted
    assert again().with_prompts(checked)

    seed = f",{again().evaluation_table['seed'][0]},"
    edit(folder / "evaluation.csv", seed, ",30900000,")
    assert again().fingerprint == drafted, "what is evaluated shapes no guard"
    assert again().evaluation_table["seed"][0] == 30_900_000
    with pytest.raises(UnhypeError, match=r"got other prompts in .*evaluation\.csv than those that this run checked"):
        again().with_prompts(checked)

    seed = f",{again().training_tables['train']['seed'][0]},"
    edit(folder / "train.csv", seed, ",10900000,")
    assert again().fingerprint != drafted
    changed = jobs.write_prompts(again())
    assert {name for name in checked if changed[name] != checked[name]} == {"train", "evaluation"}
    edit(folder / "train.csv", ",10900000,", seed)
    assert again().fingerprint == drafted


def test_other_settings_write_other_tables_and_make_the_same_guard(place: Path) -> None:
    job = opened(place, "objects", "mini-sd")
    jobs.write_prompts(job)
    few = replace(job, prompts=PromptSettings(10))
    assert few.fingerprint == job.fingerprint
    assert len(few.evaluation_table) < len(job.evaluation_table)
