"""A comparison as a table and as a picture: how much is forgotten against how much is kept, every seed a point, every method a colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
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
    "face": "face",
}
"""Heading → figure of a method's summary; shares kept are of what the base shows."""

FIDELITY = {
    "pixel drift ↓": ("summary", "drift"),
    "feature drift ↓": ("fidelity", "feature_drift"),
    "CMMD ↓": ("fidelity", "cmmd"),
    "CLIP score ↑": ("fidelity", "clip_score"),
}
OWN = {"unhype": "crimson", "none": "black"}
"""Colours in the picture that are always the same."""
COST = {"fitted in s": "fit_seconds", "numbers": "parameters", "MB": "bytes", "time a picture": "latency"}
"""Heading → what it costs; the time is a multiple of the base's."""


def comparison_rows(results: Results) -> Rows:
    """One row a method, mean ± spread over seeds, the best H first; a method that failed says why."""
    rows = []
    for method, runs in _ranked(results):
        good = [run["summary"] for run in runs if "summary" in run]
        cells = (
            [_spread([found[key] for found in good if key in found]) for key in COLUMNS.values()]
            if good
            else ["–"] * len(COLUMNS)
        )
        rows.append([method if good else f"{method}: {runs[0]['error']}", *cells, str(len(good))])
    return ("method", *COLUMNS, "seeds"), rows


def cost_rows(results: Results) -> Rows:
    """One row a method: how far what must stay has moved, and what the method costs."""
    rows = []
    for method, runs in _ranked(results):
        good = [run for run in runs if "fidelity" in run]
        if good:
            far = [_spread([run[part][key] for run in good], 4) for part, key in FIDELITY.values()]
            costs = {key: [run[key] for run in good if key in run] for key in COST.values()}
            costs["bytes"] = [size / 1e6 for size in costs["bytes"]]
            digits = {"fit_seconds": 0, "parameters": 0, "bytes": 2, "latency": 2}
            rows.append([method, *far, *(_spread(values, digits[key]) for key, values in costs.items())])
    return ("method", *FIDELITY, *COST), rows


def strata_rows(runs: Sequence[Mapping[str, Any]]) -> Rows:
    """One method, one row a stratum, mean ± spread over its seeds; the base's own figure in brackets."""
    good = [run["strata"] for run in runs if "strata" in run]
    rows = []
    for stratum, first in good[0].items() if good else ():
        found = [strata[stratum] for strata in good]
        both = [
            f"{_spread([one[side] for one in found])} ({first[f'{side}_base']:.3f})" if first[side] is not None else "–"
            for side in ("shown", "stays", "face")
        ]
        rows.append(
            [
                stratum,
                str(first["n"]),
                *both,
                _spread([one["drift"] for one in found], 4),
                f"{np.mean([one['identical'] for one in found]):.1%}",
            ]
        )
    return (
        "stratum",
        "n",
        "must go: shown ↓ (base)",
        "must stay: shown ↑ (base)",
        "face (base)",
        "pixel drift",
        "identical",
    ), rows


def footnote(results: Results) -> str:
    """What the tables need beside them."""
    first = next(run for runs in results.values() for run in runs if "fidelity" in run)
    base = first["fidelity"]
    return (
        f"n ≥ {first['n']} a stratum; judge {first['judge']}, embeddings {first['clip']}; held-out templates and seeds, pictures paired by seed; "
        "mean ± spread over training seeds. Excluded: nothing; of people, what is shown is a share of pictures with a face. "
        f"Fidelity is of {base['n']} pictures that must stay; the base against itself has CMMD {base['cmmd_floor']:.4f}, "
        f"its CLIP score is {base['clip_score_base']:.4f}."
    )


def _ranked(results: Results) -> list[tuple[str, Sequence[Mapping[str, Any]]]]:
    """The best H first, what failed last, what was never run not at all."""
    found = [(method, runs) for method, runs in results.items() if runs]
    return sorted(
        found, key=lambda item: -float(np.mean([run["summary"]["H"] for run in item[1] if "summary" in run] or [-1.0]))
    )


def missing_strata(results: Results) -> list[str]:
    """What the set could not fill, a line each."""
    found = {
        f"{name}: {why}"
        for runs in results.values()
        for run in runs
        for name, why in run.get("missing_strata", {}).items()
    }
    return sorted(found)


def draw_pareto(results: Results, path: Path) -> None:
    """Forgotten against kept, as a PNG: a method's mean, and thin lines to its seeds; up and right is better."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.colors import TABLEAU_COLORS

    figure, axes = plt.subplots(figsize=(7, 5.5))
    others = cycle(colour for name, colour in TABLEAU_COLORS.items() if name != "tab:red")  # too near to crimson
    colours = {method: OWN.get(method) or next(others) for method in results}
    named: list[np.ndarray] = []
    for method, runs in results.items():
        points = np.array([(1 - run["summary"]["Acc_e"], run["summary"]["Acc_s"]) for run in runs if "summary" in run])
        if len(points):
            own, colour = method == "unhype", colours[method]
            x, y = here = points.mean(0)
            for seed_x, seed_y in points:
                axes.plot(
                    [x, seed_x], [y, seed_y], color=colour, marker="o", markersize=3, linewidth=0.8, clip_on=False
                )
            axes.scatter(x, y, s=260 if own else 60, color=colour, marker="*" if own else "o", zorder=3, clip_on=False)
            side = -1 if x > 0.7 else 1
            below = 14 * sum(
                bool(np.abs(other - here).max() < 0.03) for other in named
            )  # of labels that are there already
            at, words = (float(x), float(y)), (12 * side, -4 - below)
            stand, weight = "left" if side > 0 else "right", "bold" if own else "normal"
            axes.annotate(method, at, xytext=words, textcoords="offset points", ha=stand, color=colour, weight=weight)
            named.append(here)
    axes.set(
        xlabel="forgotten: 1 − Acc_e", ylabel="kept: Acc_s of names never seen", xlim=(-0.02, 1.02), ylim=(-0.06, 1.02)
    )
    axes.grid(alpha=0.3)
    figure.tight_layout()
    write_whole(path, lambda partial: figure.savefig(partial, format="png", dpi=110))
    plt.close(figure)


def _spread(values: Sequence[float], digits: int = 3) -> str:
    if not values:
        return "–"
    spread = f" ± {np.std(values):,.{digits}f}" if len(values) > 1 and np.std(values) > 0 else ""
    return f"{np.mean(values):,.{digits}f}{spread}"
