"""The switch of a set on the shipped base: which retained concepts it protects, asked of what the base draws."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from unhype.bases.loading import load_pipeline
from unhype.concepts.loading import load_set
from unhype.concepts.schema import ConceptSet, Entry
from unhype.erasing.fitting import drawn_alike, fit_to_set, likeness, own_vectors
from unhype.erasing.phrases import read_phrases
from unhype.erasing.switch import Switch
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.miniature.folders import BASE

SET = ConceptSet(
    "toy", "things", (Entry("horse", "a forest"), Entry("cat", "a forest")), ("a mountain", "a dog", "the sea")
)
"""The base never learnt what a mountain is, and draws a horse."""


@pytest.fixture(scope="module")
def family(data: Path) -> Family:
    return family_of(load_pipeline(data / BASE))


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("a horse", "a horse", True),
        ("a mountain", "a horse", True),
        ("a deer", "a horse", False),
        ("a dog", "a cat", False),
        ("a forest", "a horse", False),
    ],
)
def test_what_the_base_draws_alike(family: Family, one: str, other: str, alike: bool) -> None:
    assert drawn_alike(family, one, other, "a forest") is alike


def test_what_is_drawn_as_a_forgotten_concept_is_forgotten_with_it_and_what_only_lies_near_is_not(
    family: Family,
) -> None:
    switch = fit_to_set(family, SET)
    opened = dict(zip(SET.retain, switch(family.vectors(SET.retain)).tolist(), strict=True))
    assert opened == {"a mountain": 1.0, "a dog": 0.0, "the sea": 0.0}
    assert len(switch.kept) == 2
    assert torch.equal(switch.kept, fit_to_set(family, SET).kept)


def test_the_list_is_warned_of_it(family: Family) -> None:
    similarities, opens = likeness(family, SET)
    assert similarities["horse", "a mountain"] > opens > similarities["horse", "the sea"]


def test_a_set_that_retains_nothing_has_a_switch_too(family: Family) -> None:
    switch = fit_to_set(
        family, ConceptSet("toy", "explicit", (Entry("a frog", "a mountain"), Entry("a ship", "a mountain")), (), ())
    )
    assert len(switch.kept) == 0
    assert switch(family.vectors(["a photo of a frog", "a photo of a ship"])).min() == 1


def shares(family: Family, switch: Switch, prompts: Sequence[str]) -> list[float]:
    return read_phrases(family.vectors, switch, prompts).opened.amax(1).tolist()


def test_a_style_s_name_opens_the_switch_in_whatever_words_and_a_namesake_does_not(family: Family, data: Path) -> None:
    switch = fit_to_set(family, load_set("styles", data / "concepts"))
    assert switch.longest == 4
    meant = ["a landscape in the style of Claude Monet", "a photo of a picture in the style of Gustav Klimt"]
    assert min(shares(family, switch, meant)) == 1
    others = ["a picture in the style of Claude Lorrain", "an oil painting of Cher", "a sketch of a dog"]
    assert shares(family, switch, others) == [0, 0, 0]


def test_a_synonym_is_read_as_the_name(family: Family) -> None:
    names, switch = ["a photo of a horse", "a photo of a cat"], fit_to_set(family, SET)
    plain = fit_to_set(family, SET, canonical=False)
    assert plain.canonical is None
    assert switch.canonical is not None
    assert torch.equal(switch.canonical, own_vectors(family, SET, plain))
    said = read_phrases(family.vectors, switch, ["a mountain", *names])
    assert torch.equal(said.c[said.opened > 0], switch.canonical[[0, 0, 1]])
    phrases = read_phrases(family.vectors, plain, ["a mountain", *names])
    assert torch.equal(said.opened, phrases.opened)
    assert not torch.equal(said.c[0], phrases.c[0])


def test_the_miniature_s_own_styles_make_a_set_too(family: Family) -> None:
    forgotten = Entry("a sketch", "a photo"), Entry("an oil painting", "a photo")
    switch = fit_to_set(family, ConceptSet("toy", "styles", forgotten, ("a man", "a street", "a dog", "a photo"), ()))
    assert shares(family, switch, ["a sketch of a dog", "an oil painting of Cher"]) == [1, 1]
    assert shares(family, switch, ["a photo of a dog", "a photo of Cher"]) == [0, 0]
