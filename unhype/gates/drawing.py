"""A verdict as one picture: left every gate against its threshold, right the differences from the champion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unhype.files import write_whole
from unhype.gates.absolute import Gate
from unhype.gates.verdict import Verdict

GOOD, BAD, GREY = "#19703c", "#a8201a", "#8a93a3"


def draw_verdict(verdict: Verdict, path: Path) -> None:
    """Write it as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    both = bool(verdict.differences)
    figure, panels = plt.subplots(1, 1 + both, figsize=(6.4 * (1 + both), 0.42 * len(verdict.gates) + 1.6))
    first, *others = panels if both else [panels]
    _gates(first, verdict.gates)
    for panel in others:
        _differences(panel, verdict)
    figure.suptitle(
        f"{'passed' if verdict.passed else 'rejected'}: {verdict.concepts}, evidence {verdict.digest[:12]}",
        color=GOOD if verdict.passed else BAD,
        weight="bold",
    )
    figure.tight_layout()
    write_whole(path, lambda partial: figure.savefig(partial, format="png", dpi=110))
    plt.close(figure)


def _gates(axes: Any, gates: tuple[Gate, ...]) -> None:
    for place, gate in enumerate(reversed(gates)):
        colour = GREY if gate.value is None else GOOD if gate.passed else BAD
        axes.plot([gate.limit] * 2, [place - 0.35, place + 0.35], color="black", linewidth=1.5)
        if gate.value is not None:
            if gate.interval:
                axes.plot(gate.interval, [place] * 2, color=colour, linewidth=3, alpha=0.35, solid_capstyle="butt")
            axes.plot(gate.value, place, "o", color=colour)
        told = f"{gate.value:.3f}" if gate.value is not None else gate.status
        axes.annotate(told, (1.03, place), xycoords=("axes fraction", "data"), va="center", color=colour, fontsize=8)
    axes.set_yticks(range(len(gates)), [f"{gate.title}  {gate.wanted}" for gate in reversed(gates)], fontsize=8)
    axes.set(xlim=(-0.02, 1.04), ylim=(-0.6, len(gates) - 0.4), xlabel="value; black: the threshold")
    axes.grid(axis="x", alpha=0.3)


def _differences(axes: Any, verdict: Verdict) -> None:
    found = verdict.differences
    for place, one in enumerate(reversed(found)):
        colour = GOOD if one.passed else BAD
        axes.plot([one.low, one.high], [place] * 2, color=colour, linewidth=3, alpha=0.4, solid_capstyle="butt")
        axes.plot(one.mean, place, "o", color=colour)
    margin = verdict.settings.margin
    far = max(margin * 1.4, *(max(abs(one.low), abs(one.high)) * 1.1 for one in found))
    axes.axvline(0, color=GREY, linewidth=1)
    axes.axvline(margin, color="black", linewidth=1.5)
    axes.set_yticks(range(len(found)), [one.title for one in reversed(found)], fontsize=8)
    axes.set(xlim=(-far, far), ylim=(-0.6, len(found) - 0.4), xlabel=f"better ← against {verdict.champion} → worse")
    axes.grid(axis="x", alpha=0.3)
