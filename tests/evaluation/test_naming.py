"""Which concept a text names, whatever case, punctuation and company it comes in."""

from __future__ import annotations

import pytest

from unhype.evaluation.naming import Names

PEOPLE = ("Elon Musk", "Jackie Chan", "Cher", "Cher Lloyd", "Conan O'Brien", "Beyoncé", "Jay-Z")
NAMES = Names(
    {name: name for name in PEOPLE} | {"dog": "dog", "hound": "dog", "winged creature": "bird", "ship": "ship"}, PEOPLE
)


@pytest.mark.parametrize(
    ("prompt", "concepts"),
    [
        ("Elon Musk, smiling, oil painting", ["Elon Musk"]),
        ("a photo of Elon Musk's face", ["Elon Musk"]),
        ("a photo of ELON MUSK’S face", ["Elon Musk"]),
        ("(elon_musk:1.2), [8k]", ["Elon Musk"]),
        ("a photo of Elon Musk, with a dog", ["Elon Musk", "dog"]),
        ("a dog beside Elon Musk", ["Elon Musk", "dog"]),
        ("Jackie Chan and Elon Musk", ["Jackie Chan", "Elon Musk"]),
        ("Cher Lloyd sings", ["Cher Lloyd"]),
        ("Cher, Lloyd's friend", ["Cher Lloyd"]),
        ("Cher and Cher Lloyd", ["Cher", "Cher Lloyd"]),
        ("Conan O’Brien's desk", ["Conan O'Brien"]),
        ("beyonce\nand jay z", ["Beyoncé", "Jay-Z"]),
        ("a winged-creature, a hound", ["bird", "dog"]),
        ("the dogma of friendship", []),
        ("cherish", []),
        ("", []),
    ],
)
def test_names_in_a_prompt(prompt: str, concepts: list[str]) -> None:
    assert NAMES.spoken(prompt) == tuple(concepts)


@pytest.mark.parametrize("text", ["elon musk", "Elon_Musk", " ELON  MUSK ", "Elon-Musk", "Ｅlon Musk"])
def test_a_cell_is_folded_as_concepts_are(text: str) -> None:
    assert NAMES.called(text) == "Elon Musk"


def test_what_nobody_is_called_gets_a_suggestion() -> None:
    assert NAMES.called("Elon Mask") is None
    assert NAMES.advice("elon mask") == "did you mean Elon Musk?"
    assert NAMES.advice("Napoleon") == "the judge can tell 10 concepts"


def test_a_name_goes_before_a_synonym_that_reads_the_same() -> None:
    for vocabulary in ({"mount": "horse", "Mount": "Mount"}, {"Mount": "Mount", "mount": "horse"}):
        assert Names(vocabulary).called("mount") == "Mount"
        assert Names(vocabulary).spoken("a mount") == ("Mount",)
