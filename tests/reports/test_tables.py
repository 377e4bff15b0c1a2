"""Tables of scores: every figure with the base's own, and with what it needs beside it."""

from __future__ import annotations

from dataclasses import asdict

from unhype.concepts.kinds import PEOPLE
from unhype.evaluation.scores import RoleScore, protocols
from unhype.reports.tables import markdown, protocol_rows, provenance, role_rows

ROLES = {
    "forget": RoleScore("forget", 500, 0.01, 0.97, 0.99, 1.0, 0.9, 0.0, 0.1, 0.0),
    "evaluation": RoleScore("evaluation", 500, 0.95, 0.97, 1.0, 1.0, 0.0, 0.0, 0.01, 0.9),
}
SCORES = {
    "protocols": protocols(ROLES, PEOPLE),
    "roles": {role: asdict(score) for role, score in ROLES.items()},
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
        word in said
        for word in ("mini-judge 123", "held-out", "20 DDIM steps", "Excluded: nothing", "evaluation 0.9900")
    )
