"""Tables of scores: every figure with the base's own, and with what it needs beside it."""

from __future__ import annotations

from unhype.evaluation.scores import GroupScore, protocols
from unhype.reports.tables import markdown, protocol_rows, provenance, role_rows

FORGET = {"must_go": 0.01, "must_go_base": 0.97, "shown": 0.01, "shown_base": 0.97, "neutral": 0.9}
KEPT = {"must_stay": 0.95, "must_stay_base": 0.97, "shown": 0.95, "shown_base": 0.97, "neutral": 0.0}
ALL = {"face": 1.0, "face_base": 1.0, "neutral_base": 0.0}
ROLES = {
    "forget": GroupScore("forget", 500, 500, 0, 0.1, 0.0, **FORGET, **ALL),
    "evaluation": GroupScore("evaluation", 500, 0, 500, 0.01, 0.9, **KEPT, **ALL),
}
SCORES = {
    "protocols": protocols(ROLES, general=False),
    "roles": {role: score.told() for role, score in ROLES.items()},
    "strength": {role: {"mean": 1.5, "std": 0.5} for role in ROLES},
    "sampling": {"steps": 20, "guidance": 4.0},
    "base": "mini-sd",
    "concepts": "celeb100",
    "judge": "mini-judge 123",
    "seeds": [1, 2],
    "excluded": "nothing",
    "switch_auc": {"evaluation": 0.99},
    **{name: "a" * 64 for name in ("base_hash", "concepts_hash", "guard")},
}


def test_every_figure_has_the_bases_own_beside_it() -> None:
    header, rows = protocol_rows(SCORES)
    assert len(rows) == 1
    assert "never seen" in rows[0][0]
    assert rows[0][1:] == ["0.010 (0.970)", "0.950 (0.970)", "–", "97.9%", f"{SCORES['protocols']['unseen']['H']:.4f}"]
    assert len(header) == len(rows[0])


def test_roles_carry_n_and_strength() -> None:
    header, rows = role_rows(SCORES)
    assert rows[0][:3] == ["forget", "500", "0.010 (0.970)"]
    assert rows[1][-1] == "1.500 ± 0.500"
    assert all(len(row) == len(header) for row in rows)


def test_markdown_and_provenance() -> None:
    assert markdown((["a", "b"], [["1", "2"]])) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    said = provenance(SCORES)
    assert all(
        word in said for word in ("mini-judge 123", "held-out", "20 steps", "Excluded: nothing", "evaluation 0.9900")
    )


def test_what_a_clip_tells_is_said_where_there_was_one() -> None:
    found = {"n": 8, "cmmd": 1.5, "cmmd_floor": 1.0, "clip_score": 0.25, "clip_score_base": 0.26}
    said = provenance({**SCORES, "clip": "clip small", "fidelity": found})
    assert "CMMD 1.5000 (base against itself 1.0000), CLIP score 0.2500 (base 0.2600), by clip small" in said
    assert "CMMD" not in provenance(SCORES)


def test_what_nobody_judged_is_an_en_dash() -> None:
    bare = {
        role: {key: score.told()[key] for key in ("group", "n", "drift", "identical")} for role, score in ROLES.items()
    }
    scores = {**SCORES, "judge": None, "unjudged": True, "protocols": {}, "roles": bare}
    header, rows = protocol_rows(scores)
    assert len(rows) == 2
    assert all(row[1:] == ["–"] * (len(header) - 1) for row in rows)
    assert role_rows(scores)[1][0] == ["forget", "500", "–", "–", "–", "0.1000", "0.0%", "1.500 ± 0.500"]
    assert "no judge reads this base's pictures" in provenance(scores)
