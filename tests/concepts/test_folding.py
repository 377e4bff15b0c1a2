"""Texts that read the same fold to the same; texts that do not, do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unhype.concepts.folding import fold, key, tidy


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Adam Driver", "adam driver"),
        ("  ADAM\t driver\n", "adam driver"),
        ("Beyoncé Knowles-Carter", "beyonce knowles carter"),
        ("Penélope Cruz", "penelope cruz"),
        ("Pene\u0301lope Cruz", "penelope cruz"),
        ("O'Brien", "obrien"),
        ("O’Brien", "obrien"),
        ("Аdаm Drіvеr", "adam driver"),
        ("ΑDΑΜ DRIVER", "adam driver"),
        ("Ａｄａｍ　Ｄｒｉｖｅｒ", "adam driver"),
        ("𝐀𝐝𝐚𝐦 Driver", "adam driver"),
        ("Ad\u200bam Dri\u00adver", "adam driver"),
        ("Bjørk Łukasz Æon", "bjork lukasz aeon"),
        ("J.Lo", "j lo"),
        ("straße", "strasse"),
        ("half-life 3", "half life 3"),
        ("!?", ""),
    ],
)
def test_known_foldings(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("one", "other"),
    [("Adam Driver", "Adam Drive"), ("cat", "car"), ("किताब", "कताब"), ("Иван", "Ivan"), ("成龙", "李小龙")],
)
def test_different_words_stay_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("a dog", "dog"),
        ("The Rock", "rock"),
        ("An owl", "owl"),
        ("a", "a"),
        ("another dog", "another dog"),
        ("anna", "anna"),
    ],
)
def test_keys_drop_the_leading_article(text: str, folded: str) -> None:
    assert key(text) == folded


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert tidy(tidy(text)) == tidy(text)


@given(
    st.text(
        st.characters(max_codepoint=0x17F, categories=("L", "N", "Z", "P"), exclude_characters="µ")
        | st.characters(min_codepoint=0x410, max_codepoint=0x44F)
    )
)
def test_case_never_matters_in_latin_and_cyrillic(text: str) -> None:
    """The micro sign is Greek, and Greek goes by shape."""
    assert fold(text.upper()) == fold(text.lower()) == fold(text)


@given(st.text())
def test_tidying_changes_no_key(text: str) -> None:
    assert fold(tidy(text)) == fold(text)
