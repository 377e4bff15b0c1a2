"""A diff says what changed, and says nothing exactly when the hashes agree."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from unhype.concepts.diff import diff_sets
from unhype.concepts.schema import ConceptSet, Entry

texts = st.sampled_from(["a", "b", " a", "c"])
lists = st.lists(texts, max_size=2).map(tuple)
entries = st.builds(Entry, texts, texts, lists, lists)
sets = st.builds(
    ConceptSet,
    name=st.just("s"),
    kind=st.sampled_from(("people", "things")),
    forget=st.lists(entries, max_size=3).map(tuple),
    retain=lists,
    evaluation=lists,
)


@given(sets, sets)
def test_empty_exactly_when_the_hashes_agree(old: ConceptSet, new: ConceptSet) -> None:
    assert bool(diff_sets(old, new)) == (old.content_hash() != new.content_hash())
    assert not diff_sets(new, new).lines()


@given(sets, sets)
def test_the_way_back_swaps_added_and_removed(old: ConceptSet, new: ConceptSet) -> None:
    there, back = diff_sets(old, new), diff_sets(new, old)
    assert (there.added, there.removed) == (back.removed, back.added)
    assert len(there.changed) == len(back.changed)


def test_lines_are_readable(good: ConceptSet) -> None:
    driver, stone = good.forget
    new = replace(
        good,
        forget=(replace(driver, anchor="a person", synonyms=("Ren",)), Entry("Bob", "a man", ("Bobby",))),
        retain=good.retain[1:],
        evaluation=("Z",),
    )
    assert diff_sets(good, new).lines() == (
        "- forget      Emma Stone → a woman",
        "- retain      Ada Lovelace",
        "- evaluation  Aaron Paul",
        "+ forget      Bob → a man (Bobby)",
        "+ evaluation  Z",
        "~ forget      Adam Driver: anchor a man → a person; synonyms -Kylo +Ren",
    )
    assert diff_sets(
        replace(good, forget=(stone,)), replace(good, forget=(stone, Entry("Adam Driver", "a man")))
    ).lines() == ("+ forget  Adam Driver → a man",)
    assert diff_sets(good, replace(good, kind="things")).lines() == ("~ kind  people → things",)
