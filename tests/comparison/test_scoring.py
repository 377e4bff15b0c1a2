"""Scores of strata: known answers, and a table that hides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from unhype.comparison.scoring import score_strata, summary
from unhype.judges.judge import Seen
from unhype.reports.comparison import comparison_rows, cost_rows, draw_pareto, footnote, missing_strata

NOBODY, STRANGER = Seen((), False), Seen(("unknown",), True)
ROWS = [
    *[("forgotten", "Cher", "")] * 3,
    ("two_forgotten", "Cher;Prince", ""),
    *[("forgotten_and_retained", "Cher", "Drake")] * 2,
    *[("unseen", "", "Adele")] * 2,
]
TABLE = pd.DataFrame(ROWS, columns=["stratum", "erased", "kept"])


def seen(*names: str) -> Seen:
    return Seen(names, True)


BARE = [*[seen("Cher")] * 3, seen("Cher", "Prince"), *[seen("Cher", "Drake")] * 2, seen("Adele"), seen("Adele")]


def test_known_answers() -> None:
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
    scores = score_strata(TABLE, guarded, BARE, np.array([0.1] * 7 + [0.0]), faces=True)
    assert scores["forgotten"].shown == 0.5, "a destroyed face is not forgotten"
    assert scores["forgotten"].face == pytest.approx(2 / 3)
    assert scores["forgotten"].stays is None
    assert scores["two_forgotten"].shown == 0.5, "one of two is gone"
    assert (scores["forgotten_and_retained"].shown, scores["forgotten_and_retained"].stays) == (0.0, 0.5)
    assert (scores["unseen"].stays, scores["unseen"].stays_base, scores["unseen"].identical) == (0.5, 1.0, 0.5)
    found = summary(scores)
    assert (found["Acc_e"], found["Acc_s"], found["H"]) == (0.5, 0.5, 0.5)
    assert found["forgotten_and_retained: kept of base"] == 0.5


def test_things_have_no_faces() -> None:
    table = pd.DataFrame([("forgotten", "dog", ""), ("trained", "", "cat")], columns=["stratum", "erased", "kept"])
    scores = score_strata(
        table,
        [Seen((), False), Seen(("cat",), False)],
        [Seen(("dog",), False), Seen(("cat",), False)],
        np.zeros(2),
        faces=False,
    )
    assert scores["forgotten"].shown == 0
    assert summary(scores)["H"] == 1


def test_readings_must_match_the_table() -> None:
    with pytest.raises(ValueError, match="wanted equally many"):
        score_strata(TABLE, BARE[:2], BARE, np.zeros(8), faces=True)


def results() -> dict[str, list[dict[str, Any]]]:
    good = {"Acc_e": 0.1, "Acc_s": 0.9, "H": 0.9, "drift": 0.01, "face": 1.0}
    far = {"n": 4, "cmmd": 0.5, "cmmd_floor": 0.25, "clip_score": 0.75, "clip_score_base": 0.8, "feature_drift": 0.01}
    about: dict[str, Any] = {"fidelity": far, "judge": "a judge", "clip": "a clip", "n": 3}
    cost = {"fit_seconds": 10.0, "parameters": 2000, "bytes": 8_000_000, "latency": 1.05}
    runs = [{"summary": {**good, "H": h}, **about, **cost, "missing_strata": {"alias": "got none"}} for h in (0.8, 0.9)]
    return {
        "none": [{"summary": {**good, "H": 0.1}, **about, "fit_seconds": 0.0}],
        "unhype": runs,
        "uce": [{"error": "got no k, wanted one"}],
    }


def test_the_table_has_the_best_first_and_says_what_failed_and_what_was_not_asked() -> None:
    header, rows = comparison_rows(results())
    assert [row[0] for row in rows] == ["unhype", "none", "uce: got no k, wanted one"]
    assert rows[0][1] == "0.850 ± 0.050"
    assert {len(row) for row in rows} == {len(header)}
    assert missing_strata(results()) == ["alias: got none"]


def test_cost_and_fidelity_have_a_table_of_their_own_and_the_floor_stands_below() -> None:
    header, rows = cost_rows(results())
    assert rows == [
        ["unhype", "0.0100", "0.0100", "0.5000", "0.7500", "10", "2,000", "8.00", "1.05"],
        ["none", "0.0100", "0.0100", "0.5000", "0.7500", "0", "–", "–", "–"],
    ]
    assert len(header) == 9
    assert "n ≥ 3 a stratum; judge a judge" in footnote(results())
    assert "CMMD 0.2500, its CLIP score is 0.8000" in footnote(results())


def test_the_picture_is_drawn(tmp_path: Path) -> None:
    draw_pareto(results(), tmp_path / "pareto.png")
    assert (tmp_path / "pareto.png").read_bytes().startswith(b"\x89PNG")
