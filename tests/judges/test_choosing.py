"""Who judges what: every kind on a base of the miniature world and on others, and what is said where nobody can."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from unhype.bases.finding import Source
from unhype.concepts.kinds import CLASSES, KINDS
from unhype.concepts.loading import load_set
from unhype.concepts.schema import ConceptSet, Entry
from unhype.errors import UnhypeError
from unhype.judges import nudity
from unhype.judges.choosing import JudgeSettings, Judging, checked, choose, in_miniature
from unhype.judges.clip import Clip
from unhype.judges.miniature import MiniatureClip, MiniatureJudge
from unhype.judges.nudity import NudityJudge
from unhype.judges.zero_shot import ZeroShot
from unhype.miniature.folders import BASE

SETS = {"people": "celeb10", "things": "objects", "styles": "styles", "explicit": "nudity"}
NAMED = JudgeSettings(clip="somebody/some-clip")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A base that no card describes."""
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere"


@pytest.fixture
def nudenet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nudity, "installed", lambda: True)


def at(folder: Path) -> Source:
    return Source(folder.name, folder=folder)


def chosen(data: Path, base: Path, kind: str, settings: JudgeSettings = JudgeSettings()) -> Judging:  # noqa: B008
    return choose(at(base), load_set(SETS[kind], data / "concepts"), data / "judges", settings)


@pytest.mark.parametrize("kind", ["people", "things"])
def test_the_miniature_s_own_judge_reads_its_people_and_things(data: Path, kind: str) -> None:
    judging = chosen(data, data / BASE, kind, NAMED)
    assert isinstance(judging.judge, MiniatureJudge)
    assert isinstance(judging.embeddings, MiniatureClip)
    assert judging.missing == ""


def test_on_the_miniature_nobody_reads_styles_unless_a_clip_is_named_and_nobody_sees_nudity(data: Path) -> None:
    for kind in ("styles", "explicit"):
        judging = chosen(data, data / BASE, kind)
        assert judging.judge is None
        assert isinstance(judging.embeddings, MiniatureClip)
        assert f"no judge for {kind}" in judging.missing
    judge = chosen(data, data / BASE, "styles", NAMED).judge
    assert isinstance(judge, ZeroShot)
    assert judge.classes["Claude Monet"] == "a picture in the style of Claude Monet"
    assert "a man" not in judge.classes
    assert chosen(data, data / BASE, "explicit", NAMED).judge is None


def test_a_base_is_of_the_miniature_world_by_its_card_whatever_it_is_called(data: Path, elsewhere: Path) -> None:
    card = json.loads((data / BASE / "card.json").read_text())
    for content, expected in (
        (card, True),
        ({**card, "world": "photographs"}, False),
        ({"world": "miniature"}, True),
        ({**card, "recipe": {**card["recipe"], "seed": 1}}, False),
        ({}, False),
    ):
        (elsewhere / "card.json").write_text(json.dumps(content))
        assert in_miniature(elsewhere, data / "judges") is expected
    assert not in_miniature(Path("somebody/on-the-hub"), data / "judges")


@pytest.mark.usefixtures("nudenet")
def test_other_bases_are_judged_by_kind(data: Path, elsewhere: Path) -> None:
    things, people, styles, explicit = (
        chosen(data, elsewhere, kind, NAMED) for kind in ("things", "people", "styles", "explicit")
    )
    assert all((one.detector is not None) == nudity.installed() for one in (things, people, styles, explicit))
    assert chosen(data, data / BASE, "people").detector is None, "drawings are no photographs"
    assert isinstance(things.judge, ZeroShot)
    assert things.judge.known == set(CLASSES)
    assert things.judge.classes["dog"] == "a photo of the dog"
    assert things.judge.vocabulary["hound"] == "dog"
    assert things.judge.finder is None
    assert isinstance(people.judge, ZeroShot)
    assert people.judge.finder is not None
    assert people.judge.people == people.judge.known >= set(load_set("celeb10", data / "concepts").evaluation)
    assert isinstance(styles.judge, ZeroShot)
    assert isinstance(explicit.judge, NudityJudge)
    assert all(isinstance(judging.embeddings, Clip) for judging in (things, people, styles, explicit))
    for judging, kind in ((things, "things"), (people, "people"), (styles, "styles"), (explicit, "explicit")):
        assert checked(judging, load_set(SETS[kind], data / "concepts")) is judging


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_missing_is_one_line_with_its_remedy(
    data: Path, elsewhere: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nudity, "installed", lambda: False)
    without = chosen(data, elsewhere, kind)
    assert without.judge is None
    assert without.embeddings is None
    remedy = "unhype[nudity]" if kind == "explicit" else "judges: {clip:"
    assert remedy in without.missing
    assert "\n" not in without.missing
    named = chosen(data, elsewhere, kind, NAMED)
    assert isinstance(named.embeddings, Clip)
    if kind in ("people", "explicit"):  # both need NudeNet: for faces, and for everything
        assert named.judge is None
        assert "unhype[nudity]" in named.missing


def test_one_thing_is_judged_beside_the_usual_classes_and_one_name_alone_by_nobody(data: Path, elsewhere: Path) -> None:
    car = ConceptSet("cars", "things", (Entry("car", "a street", ("automobile",)),), ("the sky",))
    judge = choose(at(elsewhere), car, data / "judges", NAMED).judge
    assert judge is not None
    assert judge.known == {"car", *CLASSES} - {"automobile"}
    alone = ConceptSet("monet", "styles", (Entry("Claude Monet", "a picture"),), ("a sketch",))
    judging = choose(at(elsewhere), alone, data / "judges", NAMED)
    assert judging.judge is None
    assert "got 1 names" in judging.missing


def test_what_the_judge_cannot_tell_is_refused_and_without_a_judge_nothing_is(data: Path, elsewhere: Path) -> None:
    strange = replace(load_set("celeb10", data / "concepts"), forget=(Entry("Nobody Known", "a man"),))
    with pytest.raises(UnhypeError, match="Nobody Known in the concept set celeb10"):
        checked(choose(at(data / BASE), strange, data / "judges", JudgeSettings()), strange)
    unjudged = choose(at(elsewhere), strange, data / "judges", JudgeSettings())
    assert checked(unjudged, strange).judge is None


def test_a_list_about_no_set_is_judged_on_the_miniature_alone(data: Path, elsewhere: Path) -> None:
    assert isinstance(choose(at(data / BASE), None, data / "judges", NAMED).judge, MiniatureJudge)
    assert "got no concept set" in choose(at(elsewhere), None, data / "judges", NAMED).missing
