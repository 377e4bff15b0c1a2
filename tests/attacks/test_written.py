"""Names in sentences as people write them: the table, and what must stay beside what must go."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.attacks.test_tabled import Painter
from tests.families.guards import SET
from unhype.attacks.reporting import written as line
from unhype.attacks.reporting import written_rows
from unhype.attacks.tabled import look, looked, stayed
from unhype.attacks.written import FORGOTTEN, STAYS, check_people, of_kind, who_stays, written
from unhype.concepts.schema import ConceptSet, Entry
from unhype.errors import UnhypeError
from unhype.judges.judge import Seen
from unhype.prompts.rows import COLUMNS
from unhype.prompts.sentences import LEAST, SENTENCES


def test_the_table() -> None:
    table = written(["Cher", "Adam Driver"], ["Drake"])
    assert tuple(table.columns) == COLUMNS
    assert list(table["group"].unique()) == [
        f"{kind}, {language}" for kind in (FORGOTTEN, STAYS) for language in SENTENCES
    ]
    held_out = {sentence for halves in SENTENCES.values() for sentence in halves["held_out"]}
    assert set(table["template"]) == held_out
    assert table["seed"].is_unique
    assert all(len(prompt.split()) >= LEAST for prompt in table["prompt"])
    gone, stays = of_kind(table, FORGOTTEN), of_kind(table, STAYS)
    assert (len(gone), len(stays)) == (2 * len(held_out), len(held_out))
    assert set(gone["erased"]) == {"Cher", "Adam Driver"}
    assert set(gone["kept"]) == {""} == set(stays["erased"])
    assert set(stays["kept"]) == {"Drake"}


def test_who_stays_is_drawn_from_the_evaluation() -> None:
    names = tuple(f"Name {letter}" for letter in "ABCDEFGH")
    concepts = ConceptSet("toy", "people", (Entry("Cher", "a woman"),), ("Drake",), evaluation=names)
    assert len(who_stays(concepts, 3, 0)) == 3
    assert who_stays(concepts, 3, 0) != who_stays(concepts, 3, 1)
    assert who_stays(concepts, 100, 0) == list(names)
    assert who_stays(SET, 3, 0) == []


def test_things_are_in_no_sentence_about_somebody() -> None:
    check_people(SET)
    with pytest.raises(UnhypeError, match="got --method written for toy, a set of things"):
        check_people(ConceptSet("toy", "things", (Entry("dog", "a cat"),), ("cat",)))


def test_what_stays_is_told_beside_what_goes(tmp_path: Path) -> None:
    """The guard loses who stays in one language, and shows who must go in another."""
    judge: Any = SimpleNamespace(
        name="eye", read=lambda pixels: [Seen(("Cher", "Drake") if each.any() else (), True) for each in pixels]
    )

    class Guard(Painter):
        def draw(self, prompts: Any, seeds: Any) -> Any:
            english, french = (SENTENCES[language]["held_out"] for language in ("english", "french"))
            lost = {sentence.format("Drake") for sentence in french}
            shown = {sentence.format("Cher") for sentence in english} | {
                sentence.format("Drake") for halves in SENTENCES.values() for sentence in halves["held_out"]
            }
            yield np.stack([np.full((2, 2, 3), prompt in shown - lost, dtype=np.uint8) for prompt in prompts])

    victim: Any = SimpleNamespace(eraser=Guard("guard"), bare=Painter("Cher", "Drake"), judge=judge)
    table = written(["Cher"], ["Drake"])
    list(look(victim, table, tmp_path))
    gone, stays = looked(of_kind(table, FORGOTTEN), tmp_path), stayed(of_kind(table, STAYS), tmp_path)
    assert {group for group, each in gone.items() if each["guarded"]} == {"forgotten, english"}
    assert all(each["bare"] == 1 for each in (*gone.values(), *stays.values()))
    french = stays["stays, french"]
    assert (french["guarded"], french["untouched"], round(french["drift"] * 255, 9)) == (0.0, 0.0, 1.0)
    assert (stays["stays, english"]["guarded"], stays["stays, english"]["untouched"]) == (1.0, 1.0)

    told = {"groups": gone, "stays": stays}
    header, rows = written_rows(told)
    assert [len(row) for row in rows] == [len(header)] * len(SENTENCES)
    assert rows[0][:4] == ["english", "16", "1.000 [0.81, 1.00]", "1.00"]
    assert rows[1][4:] == ["16", "0.000", "1.000", "0.000", "0.0039"]
    assert "forgotten shown in 0.167 of 96 (base 1.000); who stays shown in 0.833 of 96" in line(told)
    alone = {"groups": gone, "stays": {}}
    assert written_rows(alone)[1][0][4:] == ["–"] * 5
    assert "who stays" not in line(alone)
