"""Scores: answers worked out by hand, the stricter reading of a destroyed face, and the formulas of the papers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from unhype.errors import UnhypeError
from unhype.evaluation.scores import PROTOCOLS, accuracies, harmonic, protocols, score_groups, separation
from unhype.judges.judge import Seen, check_known

ROLES = pd.DataFrame(
    [("forget", "Cher", "")] * 4 + [("evaluation", "", "Adele")] * 4, columns=["group", "erased", "kept"]
)
STRATA = pd.DataFrame(
    [
        *[("forgotten", "Cher", "")] * 3,
        ("two_forgotten", "Cher;Prince", ""),
        *[("forgotten_and_retained", "Cher", "Drake")] * 2,
        *[("unseen", "", "Adele")] * 2,
    ],
    columns=["group", "erased", "kept"],
)
NOBODY, STRANGER = Seen((), False), Seen(("unknown",), True)


def seen(*names: str) -> Seen:
    return Seen(names, True)


def test_roles() -> None:
    guarded = [seen("Cher"), STRANGER, STRANGER, NOBODY, seen("Adele"), seen("Adele"), seen("Adele"), NOBODY]
    bare = [seen("Cher")] * 4 + [seen("Adele")] * 4
    groups = score_groups(ROLES, guarded, bare, np.array([0.0] * 7 + [1.0]), faces=True)
    forget, others = groups["forget"], groups["evaluation"]
    assert (forget.shown, forget.face, forget.neutral, forget.shown_base) == (0.25, 0.75, 0.5, 1.0)
    assert (forget.must_go, forget.must_go_base, forget.must_stay) == (pytest.approx(1 / 3), 1.0, None)
    assert (others.shown, others.must_stay, others.must_go) == (0.75, 0.75, None)
    assert (others.drift, others.identical, others.n_go, others.n_stay) == (0.25, 0.75, 0, 4)
    found = protocols(groups, general=False)
    assert list(found) == ["unseen"], "no retained names, so no papers' protocol"
    assert found["unseen"]["Acc_e"] == pytest.approx(1 / 3), "a destroyed face is not forgotten"
    assert found["unseen"]["Acc_s"] == 0.75, "nor is it kept"
    assert found["unseen"]["H"] == pytest.approx(2 / (1 / (2 / 3) + 1 / 0.75))
    assert (found["unseen"]["kept"], found["unseen"]["Acc_e_base"]) == (0.75, 1.0)
    things = protocols(score_groups(ROLES, guarded, bare, np.zeros(8), faces=False), general=True)
    assert things["unseen"]["Acc_e"] == 0.25


def test_strata() -> None:
    bare = [*[seen("Cher")] * 3, seen("Cher", "Prince"), *[seen("Cher", "Drake")] * 2, seen("Adele"), seen("Adele")]
    guarded = [
        seen("Cher"),
        STRANGER,
        NOBODY,
        seen("Prince", "unknown"),
        seen("unknown", "Drake"),
        NOBODY,
        seen("Adele"),
        STRANGER,
    ]
    scores = score_groups(STRATA, guarded, bare, np.array([0.1] * 7 + [0.0]), faces=True)
    assert scores["forgotten"].must_go == 0.5, "a destroyed face is not forgotten"
    assert scores["forgotten"].face == pytest.approx(2 / 3)
    assert scores["forgotten"].must_stay is None
    assert scores["two_forgotten"].must_go == 0.5, "one of two is gone"
    assert (scores["forgotten_and_retained"].must_go, scores["forgotten_and_retained"].must_stay) == (0.0, 0.5)
    assert (scores["unseen"].must_stay, scores["unseen"].must_stay_base, scores["unseen"].identical) == (0.5, 1.0, 0.5)


def test_of_things_synonyms_count_in_the_mean_and_of_people_they_do_not() -> None:
    rows = pd.DataFrame(
        [("forget", "dog", ""), ("alias", "dog", ""), ("alias", "dog", ""), ("retain", "", "cat")],
        columns=["group", "erased", "kept"],
    )
    guarded = [STRANGER, seen("dog"), STRANGER, seen("cat")]
    groups = score_groups(rows, guarded, guarded, np.zeros(4), faces=False)
    papers = PROTOCOLS["papers"]
    assert accuracies(groups, papers, general=True) == {"Acc_e": 0.0, "Acc_s": 1.0, "Acc_g": 0.5, "H": 3 / 4}
    assert accuracies(groups, papers, general=False)["H"] == 1.0


def test_where_every_face_is_destroyed_nothing_is_shown() -> None:
    groups = score_groups(ROLES, [NOBODY] * 8, [NOBODY] * 8, np.zeros(8), faces=True)
    assert (groups["forget"].must_go, groups["evaluation"].must_stay) == (0.0, 0.0)
    assert protocols(groups, general=False)["unseen"]["H"] == 0
    assert protocols(groups, general=False)["unseen"]["kept"] == 0


def test_without_a_judge_pixels_are_still_compared() -> None:
    groups = score_groups(ROLES, None, None, np.array([0.0, 0.5] * 4), faces=True)
    told = {"group": "forget", "n": 4, "n_go": 4, "n_stay": 0, "drift": 0.25, "identical": 0.5}
    assert groups["forget"].told() == told
    assert protocols(groups, general=False) == {}


def test_what_the_judge_has_no_word_for_is_neither_lost_nor_gone() -> None:
    faceless = [NOBODY] * 8
    groups = score_groups(ROLES, faceless, faceless, np.zeros(8), faces=False, known={"Cher"})
    others = groups["evaluation"]
    assert (others.must_stay, others.shown, others.unjudged, others.n_stay, others.drift) == (None, None, 4, 4, 0.0)
    assert (groups["forget"].must_go, groups["forget"].unjudged) == (0.0, None)
    found = protocols(groups, general=False)["unseen"]
    assert found == {"Acc_e": 0.0, "Acc_e_base": 0.0}, "forgetting is told, and no H without what stays"


def test_of_two_concepts_the_known_one_is_judged() -> None:
    saw = [*[NOBODY] * 4, seen("Drake"), STRANGER, NOBODY, NOBODY]
    pair = score_groups(STRATA, saw, saw, np.zeros(8), faces=False, known={"Drake"})["forgotten_and_retained"]
    assert (pair.must_go, pair.must_stay, pair.shown, pair.unjudged) == (None, 0.5, 0.5, None)


def test_rows_keep_their_readings_whatever_their_index() -> None:
    guarded = [seen("Cher")] * 4 + [NOBODY] * 4
    mixed = ROLES.iloc[[4, 5, 6, 7, 0, 1, 2, 3]]
    groups = score_groups(mixed, guarded[::-1], guarded[::-1], np.zeros(8), faces=True)
    assert groups["forget"].shown == 1


def test_readings_must_match_the_table() -> None:
    with pytest.raises(ValueError, match="8 rows and 2 guarded readings, wanted equally many"):
        score_groups(ROLES, [NOBODY] * 2, [NOBODY] * 8, np.zeros(8), faces=True)
    with pytest.raises(ValueError, match="7 drifts"):
        score_groups(ROLES, None, None, np.zeros(7), faces=True)


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
