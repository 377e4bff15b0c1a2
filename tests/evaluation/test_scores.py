"""Scores: known answers, the stricter reading of a destroyed face, and the formulas of the papers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from unhype.concepts.kinds import PEOPLE, THINGS
from unhype.errors import UnhypeError
from unhype.evaluation.scores import harmonic, protocols, score_roles, separation
from unhype.judges.judge import Seen, check_known

TABLE = pd.DataFrame({"role": ["forget"] * 4 + ["evaluation"] * 4, "concept": ["Cher"] * 4 + ["Adele"] * 4})
NOBODY, STRANGER = Seen((), False), Seen(("unknown",), True)


def seen(*names: str) -> Seen:
    return Seen(names, True)


def test_known_answers() -> None:
    guarded = [seen("Cher"), STRANGER, STRANGER, NOBODY, seen("Adele"), seen("Adele"), seen("Adele"), NOBODY]
    bare = [seen("Cher")] * 4 + [seen("Adele")] * 4
    pixels = np.zeros((8, 2, 2, 3), dtype=np.uint8)
    changed = pixels.copy()
    changed[7] = 255
    roles = score_roles(TABLE, guarded, bare, changed, pixels)
    forget, others = roles["forget"], roles["evaluation"]
    assert (forget.shown, forget.face, forget.neutral, forget.shown_base) == (0.25, 0.75, 0.5, 1.0)
    assert (others.shown, others.drift, others.identical) == (0.75, 0.25, 0.75)
    found = protocols(roles, PEOPLE)
    assert list(found) == ["unseen"], "no retained names, so no papers' protocol"
    assert found["unseen"]["Acc_e"] == pytest.approx(1 / 3), "a destroyed face is not forgotten"
    assert found["unseen"]["Acc_s"] == 0.75, "nor is it kept"
    assert found["unseen"]["H"] == pytest.approx(2 / (1 / (2 / 3) + 1 / 0.75))
    assert protocols(roles, THINGS)["unseen"]["Acc_e"] == 0.25


def test_the_papers_own_number() -> None:
    # UnHype's table: mean of three objects.
    assert harmonic(1 - 0.0661, 0.9620, 1 - 0.0767) == pytest.approx(0.9385, abs=0.003)
    assert harmonic(0.0, 1.0) == 0


def test_separation_counts_ties_by_half() -> None:
    assert separation(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1
    assert separation(np.array([0.0, 0.0]), np.array([0.0, 0.0])) == 0.5
    assert separation(np.array([0.0]), np.array([1.0, 2.0])) == 0


def test_concepts_that_the_judge_cannot_tell_are_named() -> None:
    class Judge:
        name, known = "a judge", frozenset({"Cher"})

    check_known(Judge(), ["Cher"], "the set")
    with pytest.raises(UnhypeError, match="Nobody Known in the set"):
        check_known(Judge(), ["Cher", "Nobody Known"], "the set")
