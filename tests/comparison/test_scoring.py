"""What a comparison says: one figure a column, what was kept of earlier ones, and a table that hides nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from unhype.comparison.scoring import summary
from unhype.evaluation.scores import GroupScore, protocols
from unhype.reports.comparison import (
    FORMER,
    comparison_rows,
    cost_rows,
    draw_pareto,
    footnote,
    missing_strata,
    strata_rows,
)


def score(group: str, n: int, go: float | None, stay: float | None, drift: float = 0.0) -> GroupScore:
    judged = {"must_go": go, "must_go_base": go and 1.0, "must_stay": stay, "must_stay_base": stay and 1.0}
    return GroupScore(
        group, n, n * (go is not None), n * (stay is not None), drift, 0.5, face=0.9, neutral=0.1, **judged
    )


def test_one_figure_a_column() -> None:
    scores = {
        "forgotten": score("forgotten", 3, 0.5, None, 0.9),
        "mixed": score("mixed", 2, 0.25, 0.5, 0.9),
        "trained": score("trained", 1, None, 1.0, 0.1),
        "unseen": score("unseen", 3, None, 0.5, 0.3),
    }
    assert summary(scores) == {
        "Acc_e": 0.5,
        "Acc_s": 0.5,
        "H": 0.5,
        "forgotten: shown": 0.5,
        "mixed: shown": 0.25,
        "mixed: kept of base": 0.5,
        "trained: kept of base": 1.0,
        "unseen: kept of base": 0.5,
        "drift": pytest.approx((0.1 + 3 * 0.3) / 4),
        "face": 0.9,
        "neutral": 0.1,
    }
    del scores["unseen"]
    assert summary(scores)["Acc_s"] == 1.0, "of trained ones where none is unseen"


def test_without_a_judge_there_is_the_drift_of_what_must_stay() -> None:
    scores = {
        "forgotten": GroupScore("forgotten", 2, 2, 0, 0.5, 0.0),
        "unseen": GroupScore("unseen", 2, 0, 2, 0.1, 0.9),
    }
    assert summary(scores) == {"drift": pytest.approx(0.1)}


@pytest.mark.parametrize("name", ["celeb100-comparison", "celeb100-strata", "objects-comparison"])
def test_what_was_kept_of_earlier_comparisons_is_summed_up_as_it_was(data: Path, name: str) -> None:
    kept = json.loads((data / "scores" / "mini-sd" / f"{name}.json").read_text())
    runs = [run for runs in kept.values() for run in runs if "summary" in run]
    assert runs
    for run in runs:
        scores = {}
        for stratum, former in run["strata"].items():
            fields = {FORMER.get(key, key): value for key, value in former.items() if key != "stratum"}
            n_go, n_stay = (fields["n"] * (fields[side] is not None) for side in ("must_go", "must_stay"))
            scores[stratum] = GroupScore(stratum, n_go=n_go, n_stay=n_stay, **fields)
        assert summary(scores, general=name.startswith("objects")) == pytest.approx(run["summary"], rel=1e-12)


@pytest.mark.parametrize("name", ["celeb100", "objects"])
def test_what_was_kept_of_earlier_examinations_has_the_same_protocols(data: Path, name: str) -> None:
    kept, people = json.loads((data / "scores" / "mini-sd" / f"{name}.json").read_text()), name == "celeb100"
    groups = {}
    for role, former in kept["roles"].items():
        if "group" in former:  # scored since roles and strata are one
            groups[role] = GroupScore(**former)
            continue
        fields = {key: value for key, value in former.items() if key != "role"}
        side = "must_go" if role in ("forget", "alias") else "must_stay"
        for end in ("", "_base"):
            of = former[f"face{end}"] if people and side == "must_go" else 1
            fields[side + end] = former[f"shown{end}"] / of
        groups[role] = GroupScore(role, n_go=0, n_stay=0, **fields)
    found = protocols(groups, general=not people)
    assert list(found) == list(kept["protocols"])
    for protocol, figures in kept["protocols"].items():
        assert found[protocol] == pytest.approx(figures, rel=1e-12)


def test_a_stratum_of_today_is_told_like_a_former_one() -> None:
    now = {**score("forgotten", 3, 0.5, None).told(), "face_base": 1.0}
    former = {"stratum": "forgotten", "n": 3, "shown": 0.5, "shown_base": 1.0, "stays": None, "stays_base": None}
    former |= {"face": 0.9, "face_base": 1.0, "drift": 0.0, "identical": 0.5}
    assert strata_rows([{"strata": {"forgotten": now}}]) == strata_rows([{"strata": {"forgotten": former}}])


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


def test_what_nobody_judged_is_an_en_dash() -> None:
    run = results()["unhype"][0]
    drift = score("forgotten", 3, None, None).told()
    unjudged = {**run, "summary": {"drift": 0.01}, "judge": None, "unjudged": True}
    unjudged |= {"fidelity": {**run["fidelity"], "feature_drift": None}}
    unjudged |= {"strata": {"forgotten": {key: drift[key] for key in ("group", "n", "drift", "identical")}}}
    found = {"uce": [{"error": "got no k"}], "unhype": [unjudged]}
    header, rows = comparison_rows(found)
    assert rows[0] == ["unhype", *["–"] * (len(header) - 2), "1"]
    assert cost_rows(found)[1][0][:5] == ["unhype", "0.0100", "–", "0.5000", "0.7500"]
    assert strata_rows([unjudged])[1] == [["forgotten", "3", "–", "–", "–", "0.0000", "50.0%"]]
    assert "no judge reads these pictures" in footnote(found)
