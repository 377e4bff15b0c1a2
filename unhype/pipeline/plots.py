"""What ``dvc metrics diff`` and ``dvc plots show`` tell of a guard: its headline, flat, and three small tables.

    figures.json            the headline; scores.json has everything
    plots/training.csv      loss and telemetry over the steps
    plots/erasure.csv       how much is forgotten against how much is kept, with 95 % intervals
    plots/switch.csv        ‖ΔW‖ of every prompt, by role

How they are drawn is said in ``dvc.yaml`` and in the templates of ``.dvc/plots``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unhype.evaluation.scores import PROTOCOLS
from unhype.files import write_text
from unhype.gates.intervals import wilson

FIGURES, TRAINING, ERASURE, SWITCH = "figures.json", "plots/training.csv", "plots/erasure.csv", "plots/switch.csv"

POINTS = 200
"""Lines of a training's table, at most."""

DIGITS = 6

OTHERS = {"unseen": "others never seen", "papers": "others trained to be kept"}

COLUMNS = (
    "asked",
    "others",
    *(f"{side}{ending}" for side in ("kept", "forgotten") for ending in ("", "_low", "_high", "_base")),
)


def write(
    folder: Path,
    scores: Mapping[str, Any],
    curve: Sequence[Mapping[str, float]],
    strengths: Mapping[str, np.ndarray],
    asked: Mapping[str, int],
    faces: bool,
) -> None:
    """Write all four, each whole or not at all; arguments as of the functions below."""
    steps = training(curve)
    write_text(folder / FIGURES, json.dumps(figures(scores, steps), indent=2) + "\n")
    for name, rows in ((TRAINING, steps), (ERASURE, erasure(scores, asked, faces)), (SWITCH, switch(strengths))):
        write_text(folder / name, rows.round(DIGITS).to_csv(index=False, lineterminator="\n"))


def figures(scores: Mapping[str, Any], steps: pd.DataFrame) -> dict[str, float]:
    """Headline figures by name; what nobody could measure is left out.

    Acc_e, Acc_s, Acc_g, H and kept are of the protocol ``unseen``.

    Args:
        scores: see :meth:`unhype.pipeline.examination.Examination.scores`.
        steps: see :func:`training`.
    """
    roles, found = scores["roles"], scores["protocols"]
    told = {name: found.get("unseen", {}).get(name) for name in ("Acc_e", "Acc_s", "Acc_g", "H", "kept")}
    told |= {
        "H_papers": found.get("papers", {}).get("H"),
        "H_o": scores.get("H_o"),
        "drift_unseen": roles.get("evaluation", {}).get("drift"),
        "identical_unseen": roles.get("evaluation", {}).get("identical"),
        "switch_auc_unseen": scores["switch_auc"].get("evaluation"),
        "cmmd": scores.get("fidelity", {}).get("cmmd"),
        "clip_score": scores.get("fidelity", {}).get("clip_score"),
        "strength_forget": scores["strength"].get("forget", {}).get("mean"),
        "loss": steps["loss"].iloc[-1] if len(steps) else None,
    }
    return {name: round(float(value), DIGITS) for name, value in told.items() if value is not None}


def training(curve: Sequence[Mapping[str, float]]) -> pd.DataFrame:
    """The curve in at most :data:`POINTS` lines: each the mean of some steps, under the last one's number.

    Args:
        curve: of each step, in order, ``step`` and what was measured; empty where it is gone.
    """
    if not curve:
        return pd.DataFrame(columns=["step", "loss"])
    steps = pd.DataFrame(curve)
    block = np.arange(len(steps)) // -(-len(steps) // POINTS)
    means = steps.groupby(block).mean()
    means["step"] = steps["step"].groupby(block).last().astype(int)
    return means


def erasure(scores: Mapping[str, Any], asked: Mapping[str, int], faces: bool) -> pd.DataFrame:
    """A line for each way to ask for what is forgotten, beside each kind of others; of things, for each class alone.

    ``forgotten`` is 1 − Acc_e (by another name: 1 − Acc_g), ``kept`` is Acc_s; ``_base`` is what the bare base has.

    Args:
        scores: see :func:`figures`.
        asked: concept → prompts that ask for it by its name.
        faces: whether only pictures with a face can show what must go.
    """
    return pd.DataFrame(_points(scores, asked, faces), columns=list(COLUMNS))


def switch(strengths: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """A line a prompt: its role, and how strong its LoRA is.

    Args:
        strengths: role → ‖ΔW‖ of its prompts; 0 where the switch is shut.
    """
    return pd.DataFrame(
        [(role, float(one)) for role, values in strengths.items() for one in values], columns=["role", "strength"]
    )


def _points(scores: Mapping[str, Any], asked: Mapping[str, int], faces: bool) -> Iterator[dict[str, Any]]:
    roles = scores["roles"]
    for protocol, found in scores["protocols"].items():
        groups = PROTOCOLS[protocol]
        for name, group, words in (("Acc_e", groups.erased, "by name"), ("Acc_g", groups.general, "by another name")):
            if name in found and "Acc_s" in found:
                gone, stay = _pictures(roles[group], "n_go", faces), _pictures(roles[groups.kept], "n_stay", False)
                yield {"asked": words, "others": OTHERS[protocol], **_point(found, name, gone, stay)}
    for concept, found in scores.get("in_turn", {}).items():
        if "Acc_e" in found and "Acc_s" in found:
            gone, stay = asked[concept], sum(asked.values()) - asked[concept]
            yield {"asked": f"{concept} alone", "others": "the other classes", **_point(found, "Acc_e", gone, stay)}


def _pictures(role: Mapping[str, Any], count: str, faces: bool) -> int:
    """How many pictures a share is of: those whose prompt names something that the judge can tell."""
    return round((role[count] - role.get("unjudged", 0)) * (role["face"] if faces else 1))


def _point(found: Mapping[str, float], gone: str, n_gone: int, n_stay: int) -> dict[str, float | None]:
    base = found.get(f"{gone}_base")
    return {
        **_share("kept", found["Acc_s"], n_stay, found.get("Acc_s_base")),
        **_share("forgotten", 1 - found[gone], n_gone, None if base is None else 1 - base),
    }


def _share(name: str, share: float, n: int, base: float | None) -> dict[str, float | None]:
    low, high = wilson(share, n) if n else (0.0, 1.0)
    return {name: share, f"{name}_low": low, f"{name}_high": high, f"{name}_base": base}
