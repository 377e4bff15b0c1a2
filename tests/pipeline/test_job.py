"""A job opens on a base that nobody can judge; on one that somebody can, what he could not tell is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from unhype.errors import UnhypeError
from unhype.judges.choosing import JudgeSettings
from unhype.judges.zero_shot import ZeroShot
from unhype.params import Params
from unhype.pipeline import job as jobs


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
