"""A list that forgets less than the accepted one is refused until somebody says that it is meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from unhype.concepts.accepting import accept, accepted_path, read_accepted, removed
from unhype.concepts.schema import ConceptSet, Entry
from unhype.errors import UnhypeError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return accepted_path("good", tmp_path / "concepts")


def test_what_is_accepted_is_the_set_in_its_own_order(good: ConceptSet, path: Path) -> None:
    assert path == path.parents[1] / "accepted" / "good.json"
    assert read_accepted(path) is None
    assert accept(good, path) is None, "it is new"
    assert read_accepted(path) == replace(good, source="", notes="")
    diff = accept(good, path)
    assert diff is not None
    assert not diff


def test_additions_are_accepted_and_told(good: ConceptSet, path: Path) -> None:
    accept(good, path)
    diff = accept(replace(good, forget=(*good.forget, Entry("Cher", "a woman"))), path)
    assert diff is not None
    assert [change.concept for change in diff.added] == ["Cher"]


def test_a_removal_wants_a_word_and_leaves_the_accepted_form(good: ConceptSet, path: Path) -> None:
    accept(good, path)
    less, before = replace(good, forget=good.forget[1:]), path.read_bytes()
    with pytest.raises(
        UnhypeError, match=r"without Adam Driver, .*unhype concepts accept good --allow-removal"
    ) as caught:
        accept(less, path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    accept(less, path, allow_removal=True)
    assert read_accepted(path) == replace(less, source="", notes="")
    accept(less, path)


def test_another_spelling_is_no_removal_and_another_kind_is_one_of_all(good: ConceptSet) -> None:
    respelt = replace(good, forget=(replace(good.forget[0], concept="ADAM-DRIVER"), good.forget[1]))
    assert removed(good, respelt) == ()
    assert removed(good, replace(good, kind="things")) == ("Adam Driver", "Emma Stone")
    assert removed(good, replace(good, retain=())) == ()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"forget": [{}]}'])
def test_what_accept_never_wrote_is_refused(text: str, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(UnhypeError, match=r"good\.json, which does not hold an accepted list") as caught:
        read_accepted(path)
    assert "\n" not in str(caught.value)
