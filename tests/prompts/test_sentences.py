"""Sentences as people write them: what each must be, and that the halves are apart."""

from itertools import chain

import pytest

from unhype.prompts.sentences import LEAST, SENTENCES, filled
from unhype.prompts.strata import LONG, LONG_DEVELOPMENT
from unhype.prompts.templates import DEVELOPMENT, HELD_OUT, TRAINING

EVERY = [sentence for halves in SENTENCES.values() for half in halves.values() for sentence in half]


def test_six_languages_and_in_each_what_is_tuned_on_and_what_is_reported() -> None:
    assert list(SENTENCES) == ["english", "french", "spanish", "german", "italian", "portuguese"]
    assert all(list(halves) == ["development", "held_out"] for halves in SENTENCES.values())
    assert {tuple(map(len, halves.values())) for halves in SENTENCES.values()} == {(48, 16)}


@pytest.mark.parametrize("sentence", EVERY)
def test_each_is_long_and_has_one_place_for_a_name(sentence: str) -> None:
    assert sentence.count("{}") == 1
    assert "{" not in sentence.replace("{}", "")
    assert len(sentence.split()) >= LEAST


def test_no_sentence_is_said_twice_nor_is_a_template() -> None:
    assert len({sentence.casefold() for sentence in EVERY}) == len(EVERY)
    styles = chain.from_iterable(each.values() for each in (TRAINING, DEVELOPMENT, HELD_OUT))
    assert not set(EVERY) & {*LONG, *LONG_DEVELOPMENT, *chain.from_iterable(styles)}


def test_every_sentence_is_filled_with_so_many_names_and_all_names_come_in_turn() -> None:
    rows = list(filled("held_out", ["Ann", "Bob", "Cy"], 2))
    assert [(language, name) for language, _, name in rows[:4]] == [
        ("english", "Ann"),
        ("english", "Bob"),
        ("english", "Cy"),
        ("english", "Ann"),
    ]
    asked = [(language, sentence) for language, halves in SENTENCES.items() for sentence in halves["held_out"]]
    assert [row[:2] for row in rows] == [each for each in asked for _ in range(2)]
    assert not list(filled("development", [], 2))
