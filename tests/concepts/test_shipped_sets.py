"""The sets that ship: valid, the same as their sources, and each says where it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from unhype.concepts.loading import available_sets, load_set
from unhype.concepts.suite import validate_set
from unhype.miniature.people import aliases, groups
from unhype.miniature.things import HOME, THINGS

FOLDER = Path(__file__).resolve().parents[2] / "data" / "concepts"
SCENES = {"street": "a street", "sky": "the sky", "ground": "the ground", "forest": "a forest", "sea": "the sea"}


def test_these_sets_ship() -> None:
    assert {"celeb10", "celeb100", "nudity", "objects", "styles"} <= set(available_sets(FOLDER))


@pytest.mark.parametrize("name", available_sets(FOLDER))
def test_every_set_is_valid_and_says_where_it_comes_from(name: str) -> None:
    concept_set = load_set(name, FOLDER)
    result = validate_set(concept_set)
    assert result.ok, result.first_error_line(name)
    assert not result.warned
    assert concept_set.source
    assert concept_set.notes
    assert concept_set.evaluation


@pytest.mark.parametrize("name", ["celeb10", "celeb100"])
def test_the_people_are_those_of_the_miniature(name: str) -> None:
    people = load_set(name, FOLDER)
    assert people.kind == "people"
    assert people.retain == groups()["retain"]
    assert people.evaluation == groups()["evaluation"]
    assert {entry.concept for entry in people.forget} <= set(groups()["forget"])
    assert all(entry.anchor in ("a man", "a woman") for entry in people.forget)
    assert all(
        entry.aliases == ((aliases()[entry.concept],) if entry.concept in aliases() else ()) for entry in people.forget
    )


def test_the_hundred_are_the_benchmark_s_and_ten_are_of_them() -> None:
    hundred, ten = load_set("celeb100", FOLDER), load_set("celeb10", FOLDER)
    assert tuple(entry.concept for entry in hundred.forget) == groups()["forget"]
    assert len(ten.forget) == 10
    assert set(ten.forget) <= set(hundred.forget)


def test_the_objects_are_those_of_the_miniature_with_anchors_away_from_home() -> None:
    objects = load_set("objects", FOLDER)
    assert {entry.concept: entry.synonyms for entry in objects.forget} == THINGS
    assert all(
        entry.anchor in SCENES.values() and entry.anchor != SCENES[HOME[entry.concept]] for entry in objects.forget
    )
    words = {word for entry in objects.forget for text in (entry.concept, *entry.synonyms) for word in text.split()} - {
        "creature"
    }
    assert not [text for text in objects.retain if words & set(text.split())]
