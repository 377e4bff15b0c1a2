"""Tables of a comparison: mean ± spread over seeds, the base's figure beside it, and a method that failed says why."""

from __future__ import annotations

from typing import Any

from unhype.reports.comparison import comparison_rows, cost_rows, footnote, judged, strata_rows


def run(shown: float) -> dict[str, Any]:
    score = {
        "n": 500,
        "shown": shown,
        "shown_base": 0.99,
        "stays": None,
        "stays_base": None,
        "face": 1.0,
        "face_base": 1.0,
        "drift": 0.1,
        "identical": 0.5,
    }
    return {"strata": {"forgotten": score}, "summary": {"H": 1 - shown, "Acc_e": shown}}


def test_a_stratum_is_told_over_its_seeds() -> None:
    header, (row,) = strata_rows([run(0.01), run(0.03)])
    assert dict(zip(header, row, strict=True)) == {
        "stratum": "forgotten",
        "n": "500",
        "must go: shown ↓ (base)": "0.020 ± 0.010 (0.990)",
        "must stay: shown ↑ (base)": "–",
        "face (base)": "1.000 (1.000)",
        "pixel drift": "0.1000",
        "identical": "50.0%",
    }


def test_the_best_comes_first_and_what_failed_last_with_its_reason() -> None:
    _, rows = comparison_rows(
        {"broken": [{"error": "got no base"}], "weak": [run(0.5)], "strong": [run(0.01)], "never run": []}
    )
    assert [row[0] for row in rows] == ["strong", "weak", "broken: got no base"]
    assert rows[-1][-1] == "0"


def test_without_judge_and_clip_there_are_en_dashes() -> None:
    costs = {"fit_seconds": 1.0, "parameters": 2, "bytes": 3.0}
    nothing = {"n": 4, "cmmd": None, "cmmd_floor": None, "clip_score": None, "feature_drift": None}
    alone = {"n": 2, "judge": None, "clip": None, "fidelity": nothing, "summary": {"drift": 0.5}, **costs}
    header, (row,) = comparison_rows({"uce": [alone]})
    assert row == ["uce", *["–"] * (len(header) - 2), "1"]
    assert cost_rows({"uce": [alone]})[1][0][1:5] == ["0.5000", "–", "–", "–"]
    said = footnote({"uce": [alone]})
    assert "no judge reads these pictures, no CLIP at hand" in said
    assert "Fidelity is of 4 pictures that must stay." in said
    assert not judged({"uce": [alone], "esd": [{"error": "got"}], "mace": [{"summary": {"Acc_e": 0.0}}]})
    assert judged({"uce": [{"summary": {"Acc_e": 0.0, "Acc_s": 1.0}}]})
