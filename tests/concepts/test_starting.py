"""A list that is begun like another: valid, written down whole, and read back the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unhype.concepts.folding import tidy
from unhype.concepts.loading import load_set
from unhype.concepts.reading import read_set
from unhype.concepts.schema import ConceptSet, Entry
from unhype.concepts.starting import as_yaml, like
from unhype.concepts.suite import validate_set
from unhype.errors import UnhypeError

FOLDER = Path(__file__).resolve().parents[2] / "data" / "concepts"


def test_it_is_valid_and_keeps_nothing_that_it_forgets() -> None:
    model = load_set("celeb10", FOLDER)
    made = like("trio", ["Elon Musk", "RIHANNA", "Cher=a woman"], model, FOLDER)
    assert made.forget == (
        Entry("Elon Musk", "a man"),
        Entry("RIHANNA", "a woman", aliases=("RiRi",)),
        Entry("Cher", "a woman"),
    )
    assert set(model.retain) - set(made.retain) == {"Cher"}
    assert (made.evaluation, made.kind, made.bases) == (model.evaluation, "people", ("mini-sd",))
    assert validate_set(made).ok


@pytest.mark.parametrize(
    ("model", "forget"), [("objects", ["cat"]), ("styles", ["Claude Monet"]), ("nudity", ["a nude man=a man"])]
)
def test_every_kind_can_be_begun(model: str, forget: list[str]) -> None:
    made = like("mine", forget, load_set(model, FOLDER), FOLDER)
    assert validate_set(made).ok, validate_set(made).first_error_line("mine")


def test_an_anchor_that_nobody_knows_is_asked_for() -> None:
    with pytest.raises(UnhypeError, match="--forget 'Jet Li=ANCHOR'; celeb10 has a man, a woman"):
        like("trio", ["Elon Musk", "Jet Li"], load_set("celeb10", FOLDER), FOLDER)


WORDS = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=12).map(tidy).filter(bool)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(WORDS, min_size=1, max_size=3),
    st.lists(WORDS, max_size=30),
    st.sampled_from([None, (), ("mini-sd", "other")]),
)
def test_whatever_is_written_reads_the_same(
    tmp_path_factory: pytest.TempPathFactory, forget: list[str], kept: list[str], bases: tuple[str, ...] | None
) -> None:
    entries = tuple(Entry(text, text, (text, "yes"), ("1e3",)) for text in forget)
    made = ConceptSet(
        "made", "people", entries, tuple(kept), ("no", "Musk, Elon"), "by: hand", "#1 {of} [all]", bases=bases
    )
    path = tmp_path_factory.mktemp("made") / "made.yaml"
    path.write_text(as_yaml(made), encoding="utf-8")
    assert read_set(path) == made
