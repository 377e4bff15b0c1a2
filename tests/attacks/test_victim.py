"""What a search looks for, alone, in company and without the words of the name."""

from __future__ import annotations

import pytest

from tests.families.guards import SET
from unhype.attacks.victim import Sought, companion
from unhype.concepts.schema import ConceptSet, Entry
from unhype.errors import UnhypeError


def test_who_stands_beside_is_drawn_by_seed_from_those_who_are_kept() -> None:
    drawn = {companion(SET, "Cher", seed) for seed in range(20)}
    assert drawn == {"Drake", "Bob Marley"}
    assert companion(SET, "Cher", 3) == companion(SET, "Cher", 3)
    family = ConceptSet("toy", "people", (Entry("Tom Hanks", "a man"),), ("Tom Hardy", "Drake"))
    assert {companion(family, "Tom Hanks", seed) for seed in range(20)} == {"Drake"}  # who lends no word of the name


@pytest.mark.parametrize(
    ("kind", "retain", "words"),
    [
        ("things", ("a horse",), "a set of things"),
        ("people", (), "nobody to keep"),
        ("people", ("Cher Lloyd",), "keep"),
    ],
)
def test_who_has_no_company_is_told(kind: str, retain: tuple[str, ...], words: str) -> None:
    with pytest.raises(UnhypeError, match=f"got --company for toy, .*{words}"):
        companion(ConceptSet("toy", kind, (Entry("Cher", "a woman"),), retain), "Cher", 0)


def test_what_is_sought() -> None:
    alone, beside = Sought("Cher"), Sought("Cher", "Drake", frozenset(["cher"]))
    assert (alone.before, alone.phrase(SET)) == ("", "Cher")
    assert (beside.before, beside.phrase(SET)) == ("Drake and ", "Drake and Cher")
    assert alone.allows("Cher")
    assert not beside.allows("a CHÉR photo")
    assert beside.allows("chér".replace("é", "ee"))
