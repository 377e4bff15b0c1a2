"""A comparison as a table and as a picture: how much is forgotten against how much is kept, every seed a point, every method a colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unhype.files import write_whole
from unhype.reports.tables import Rows

Results = Mapping[str, Sequence[Mapping[str, Any]]]
"""Method → what was measured for each seed."""

COLUMNS = {
    "H ↑": "H",
    "Acc_e ↓": "Acc_e",
    "Acc_s ↑": "Acc_s",
    "alias ↓": "alias: shown",
    "misspelt ↓": "misspelt: shown",
    "long ↓": "long: shown",
    "two ↓": "two_forgotten: shown",
    "mixed, gone ↓": "forgotten_and_retained: shown",
    "mixed, kept ↑": "forgotten_and_retained: kept of base",
    "unseen ↑": "unseen: kept of base",
    "near miss ↑": "near_miss: kept of base",
    "things ↑": "things: kept of base",
    "drift ↓": "drift",
    "face": "face",
}
"""Heading → figure of a method's summary; shares kept are of what the base shows."""


def comparison_rows(results: Results) -> Rows:
    """One row a method, mean ± spread over seeds, the best H first; a method that failed says why."""
    rows = []
    for method, runs in results.items():
        good = [run["summary"] for run in runs if "summary" in run]
        if good:
            cells = [_spread([found[key] for found in good if key in found]) for key in COLUMNS.values()]
            seconds = [run["fit_seconds"] for run in runs if "summary" in run]
            rows.append((float(np.mean([found["H"] for found in good])), [method, *cells, f"{np.mean(seconds):.0f}", str(len(good))]))
        elif runs:
            rows.append((-1.0, [method, runs[0]["error"], *["–"] * (len(COLUMNS) + 1)]))
    return ("method", *COLUMNS, "seconds", "seeds"), [cells for _, cells in sorted(rows, key=lambda row: -row[0])]


def missing_strata(results: Results) -> list[str]:
    """What the set could not fill, a line each."""
    found = {f"{name}: {why}" for runs in results.values() for run in runs for name, why in run.get("missing_strata", {}).items()}
    return sorted(found)


def draw_pareto(results: Results, path: Path) -> None:
    """Forgotten against kept, as a PNG; up and right is better."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 5.5))
    for k, (method, runs) in enumerate(results.items()):
        points = [(1 - run["summary"]["Acc_e"], run["summary"]["Acc_s"]) for run in runs if "summary" in run]
        if points:
            x, y = zip(*points, strict=True)
            axes.scatter(x, y, s=60, label=method, color=plt.get_cmap("tab20")(k), marker="*" if method == "unhype" else "o")
    axes.set(xlabel="forgotten: 1 − Acc_e", ylabel="kept: Acc_s of names never seen", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left", fontsize=8)
    figure.tight_layout()
    write_whole(path, lambda partial: figure.savefig(partial, format="png", dpi=110))
    plt.close(figure)


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    return f"{np.mean(values):.3f}" if len(values) == 1 else f"{np.mean(values):.3f} ± {np.std(values):.3f}"
