"""Kinds: how a text of each stands in a sentence; a set of each is valid, trains, and is asked for what it has."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from unhype.concepts.kinds import EXPLICIT, KINDS, PEOPLE, STYLES, THINGS, Kind
from unhype.concepts.loading import load_set
from unhype.concepts.prompt_suite import validate_prompts
from unhype.concepts.schema import ConceptSet, Entry
from unhype.concepts.suite import validate_set
from unhype.prompts.strata import strata_table
from unhype.prompts.tables import PromptSettings, evaluation_table, training_tables


@pytest.mark.parametrize(
    ("kind", "text", "phrase"),
    [
        (PEOPLE, "Cher", "Cher"),
        (PEOPLE, "a man", "a man"),
        (THINGS, "airplane", "an airplane"),
        (THINGS, "dog", "a dog"),
        (THINGS, "the sky", "the sky"),
        (THINGS, "Cher", "Cher"),
        (STYLES, "Claude Monet", "a picture in the style of Claude Monet"),
        (STYLES, "a sketch", "a sketch"),
        (EXPLICIT, "full-frontal nudity", "full-frontal nudity"),
    ],
)
def test_how_a_text_stands_in_a_sentence(kind: Kind, text: str, phrase: str) -> None:
    assert kind.phrase(text) == phrase


def test_the_switch_hears_a_style_s_name_and_a_thing_with_its_article() -> None:
    assert STYLES.spoken("Claude Monet") == "Claude Monet"
    assert THINGS.spoken("dog") == "a dog"


def test_what_was_measured_where_a_switch_opens() -> None:
    assert {name: kind.opens for name, kind in KINDS.items() if name != "styles"} == {
        "people": 0.8,
        "things": 0.6,
        "explicit": 0.6,
    }


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_set_of_each_kind_is_valid_and_must_retain_something_unless_it_is_explicit(kind: Kind) -> None:
    whole = ConceptSet("any", kind.name, (Entry("Monet", "a picture", ("synonym",)),), ("a sketch",), ("Courbet",))
    assert whole.sort is kind
    assert validate_set(whole).ok
    bare = validate_set(ConceptSet("any", kind.name, whole.forget))
    assert bare.ok is not kind.retains
    tables = (*training_tables(whole).values(), evaluation_table(whole, PromptSettings(4)))
    assert validate_prompts(pd.concat(tables, ignore_index=True).rename(columns={"group": "role"})).ok
    assert bool(len(training_tables(whole)["pairs"])) is kind.company


def test_the_shipped_styles_ask_for_the_style_and_train_towards_a_picture_without_it(data: Path) -> None:
    styles = load_set("styles", data / "concepts")
    first = training_tables(styles)["train"].iloc[0]
    assert first["prompt"] == "a photo of a picture in the style of Vincent van Gogh"
    assert first["anchor_prompt"] == "a photo of a picture"
    table, missing = strata_table(styles, PromptSettings(20))
    assert set(missing) == {"two_forgotten", "forgotten_and_retained", "things"}
    near = set(table.loc[table["group"] == "near_miss", "kept"])
    assert "Claude Lorrain" in near
    assert not near & {entry.concept for entry in styles.forget}
