"""The scores as tables, for cards, the README and the registry's description alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

HEADLINE = {
    "unseen": "others never seen in training (headline)",
    "papers": "others trained to be kept (papers' protocol)",
}

Rows = tuple[Sequence[str], list[list[str]]]
"""A header and its rows."""


def protocol_rows(scores: Mapping[str, Any]) -> Rows:
    """One row a protocol: erased, kept, general, and their harmonic mean, the base's own figure in brackets."""
    rows = []
    for protocol, found in scores["protocols"].items():
        cells = [
            f"{found[name]:.3f} ({found[f'{name}_base']:.3f})" if name in found else "–"
            for name in ("Acc_e", "Acc_s", "Acc_g")
        ]
        rows.append([HEADLINE[protocol], *cells, f"{found['kept']:.1%}", f"{found['H']:.4f}"])
    return ("protocol", "Acc_e ↓ (base)", "Acc_s ↑ (base)", "Acc_g ↓ (base)", "kept of base", "H ↑"), rows


def role_rows(scores: Mapping[str, Any]) -> Rows:
    """One row a role: what is shown, faces, neutral people, drift, how strong the LoRA is."""
    rows = []
    for role, score in scores["roles"].items():
        pairs = [f"{score[name]:.3f} ({score[f'{name}_base']:.3f})" for name in ("shown", "face", "neutral")]
        strength = scores["strength"][role]
        rows.append(
            [
                role,
                str(score["n"]),
                *pairs,
                f"{score['drift']:.4f}",
                f"{score['identical']:.1%}",
                f"{strength['mean']:.3f} ± {strength['std']:.3f}",
            ]
        )
    return (
        "role",
        "n",
        "shown (base)",
        "face (base)",
        "neutral person (base)",
        "pixel drift",
        "identical",
        "‖ΔW‖",
    ), rows


def turn_rows(scores: Mapping[str, Any]) -> Rows:
    """One row a class that was forgotten alone, and their mean; none for people."""
    names, turns = ("Acc_e", "Acc_s", "Acc_g", "H"), scores.get("in_turn", {})
    rows = [[concept, *(f"{turn[name]:.3f}" for name in names)] for concept, turn in turns.items()]
    if turns:
        rows.append(
            [
                f"mean of {len(turns)}",
                *(f"{sum(turn[name] for turn in turns.values()) / len(turns):.3f}" for name in names),
            ]
        )
    return ("forgotten alone", "Acc_e ↓", "Acc_s ↑", "Acc_g ↓", "H_o ↑"), rows


def markdown(table: Rows) -> str:
    """A table as Markdown."""
    header, rows = table
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])


def provenance(scores: Mapping[str, Any]) -> str:
    """What a score needs beside it: judge, seeds, sampling, exclusions."""
    how, short = scores["sampling"], {name: scores[name][:12] for name in ("base_hash", "concepts_hash", "guard")}
    auc = ", ".join(f"{role} {value:.4f}" for role, value in scores["switch_auc"].items())
    return (
        f"Base {scores['base']} `{short['base_hash']}`, concept set {scores['concepts']} `{short['concepts_hash']}`, guard `{short['guard']}`; "
        f"judge {scores['judge']}; held-out templates; seeds {scores['seeds'][0]}–{scores['seeds'][1]}, paired; "
        f"{how['steps']} DDIM steps, guidance {how['guidance']}. Excluded: {scores['excluded']}. AUC of ‖ΔW‖, forgotten against others: {auc}."
    )
