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


UNKNOWN = "–"
"""In place of a figure that nobody could measure."""


def protocol_rows(scores: Mapping[str, Any]) -> Rows:
    """One row a protocol: erased, kept, general, and their harmonic mean, the base's own figure in brackets."""
    rows = [
        [
            HEADLINE[protocol],
            *(_beside_base(found, name) for name in ("Acc_e", "Acc_s", "Acc_g")),
            f"{found['kept']:.1%}" if "kept" in found else UNKNOWN,
            f"{found['H']:.4f}" if "H" in found else UNKNOWN,
        ]
        for protocol, found in scores["protocols"].items()
    ]
    if not rows:
        rows = [[name, *[UNKNOWN] * 5] for name in HEADLINE.values()]
    return ("protocol", "Acc_e ↓ (base)", "Acc_s ↑ (base)", "Acc_g ↓ (base)", "kept of base", "H ↑"), rows


def headline(scores: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What to look at first: a title, a value, and what it is of; nothing where nobody judges."""
    found, roles = scores["protocols"].get("unseen", {}), scores["roles"]
    of = {"Acc_e": "forget", "kept": "evaluation", "Acc_g": "alias"}
    words = {
        "Acc_e": ("still shown", "of forgotten concepts"),
        "kept": ("kept", "of what the base shows of others, never seen in training"),
        "Acc_g": ("shown by other names", "of synonyms and aliases"),
    }
    return [
        (title, f"{found[name]:.1%}", f"{about}, n = {roles[of[name]]['n']}")
        for name, (title, about) in words.items()
        if name in found
    ]


def role_rows(scores: Mapping[str, Any]) -> Rows:
    """One row a role: what is shown, faces, neutral people, drift, how strong the LoRA is."""
    rows = []
    for role, score in scores["roles"].items():
        strength = scores["strength"][role]
        rows.append(
            [
                role,
                str(score["n"]),
                *(_beside_base(score, name) for name in ("shown", "face", "neutral")),
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


def _beside_base(found: Mapping[str, float], name: str) -> str:
    return f"{found[name]:.3f} ({found[f'{name}_base']:.3f})" if name in found else UNKNOWN


def turn_rows(scores: Mapping[str, Any]) -> Rows:
    """One row a class that was forgotten alone, and their mean; none for people."""
    names, turns = ("Acc_e", "Acc_s", "Acc_g", "H"), scores.get("in_turn", {})
    rows = [
        [concept, *(f"{turn[name]:.3f}" if name in turn else UNKNOWN for name in names)]
        for concept, turn in turns.items()
    ]
    if turns:
        rows.append(
            [
                f"mean of {len(turns)}",
                *(
                    f"{sum(turn[name] for turn in turns.values()) / len(turns):.3f}"
                    if all(name in turn for turn in turns.values())
                    else UNKNOWN
                    for name in names
                ),
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
    judge = f"judge {scores['judge']}" if scores["judge"] else "no judge reads this base's pictures"
    return (
        f"Base {scores['base']} `{short['base_hash']}`, concept set {scores['concepts']} `{short['concepts_hash']}`, "
        f"guard `{short['guard']}`; {judge}; held-out templates; seeds {scores['seeds'][0]}–{scores['seeds'][1]}, "
        f"paired; {how['steps']} steps, guidance {how['guidance']}. Excluded: {scores['excluded']}. "
        f"AUC of ‖ΔW‖, forgotten against others: {auc}."
    ) + _fidelity(scores)


def _fidelity(scores: Mapping[str, Any]) -> str:
    """What a CLIP tells of the pictures that must stay; nothing where none was at hand."""
    found = scores.get("fidelity", {})
    if "clip_score" not in found:
        return ""
    far = f"CMMD {found['cmmd']:.4f} (base against itself {found['cmmd_floor']:.4f}), " if "cmmd" in found else ""
    return (
        f" Of the {found['n']} pictures that must stay: {far}"
        f"CLIP score {found['clip_score']:.4f} (base {found['clip_score_base']:.4f}), by {scores['clip']}."
    )
