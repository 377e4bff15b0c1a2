"""A comparison as a table and as a picture: how much is forgotten against how much is kept.

In the picture every seed is a point and every method a colour. What no judge could tell is an en dash in the tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from unhype.files import write_whole
from unhype.reports.tables import UNKNOWN, Rows

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
    for method, runs in ranked(results):
        good = [run["summary"] for run in runs if "summary" in run]
        cells = (
            [spread([found[key] for found in good if key in found]) for key in COLUMNS.values()]
            if good
            else [UNKNOWN] * len(COLUMNS)
        )
        seeds = str(len(good)) if len(good) in (0, len(runs)) else f"{len(good)} of {len(runs)}"
        rows.append([method if good else f"{method}: {runs[0]['error']}", *cells, seeds])
    return ("method", *COLUMNS, "seeds"), rows


def cost_rows(results: Results) -> Rows:
    """One row a method: how far what must stay has moved, and what the method costs."""
    rows = []
    for method, runs in ranked(results):
        good = [run for run in runs if "fidelity" in run]
        if good:
            parts = [[run[part].get(key) for run in good] for part, key in FIDELITY.values()]
            far = [spread([value for value in values if value is not None], 4) for values in parts]
            costs = {key: [run[key] for run in good if key in run] for key in COST.values()}
            costs["bytes"] = [size / 1e6 for size in costs["bytes"]]
            digits = {"fit_seconds": 0, "parameters": 0, "bytes": 2, "latency": 2}
            rows.append([method, *far, *(spread(values, digits[key]) for key, values in costs.items())])
    return ("method", *FIDELITY, *COST), rows


def strata_rows(runs: Sequence[Mapping[str, Any]]) -> Rows:
    """One method, one row a stratum, mean ± spread over its seeds; the base's own figure in brackets."""
    good = [{name: current(score) for name, score in run["strata"].items()} for run in runs if "strata" in run]
    rows = []
    for stratum, first in good[0].items() if good else ():
        found = [strata[stratum] for strata in good]
        both = [
            f"{spread([one[side] for one in found])} ({first[f'{side}_base']:.3f})"
            if first.get(side) is not None
            else UNKNOWN
            for side in ("must_go", "must_stay", "face")
        ]
        rows.append(
            [
                stratum,
                str(first["n"]),
                *both,
                spread([one["drift"] for one in found], 4),
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
    base, judge = first["fidelity"], f"judge {first['judge']}" if first["judge"] else "no judge reads these pictures"
    clip, far = "no CLIP at hand", f"Fidelity is of {base['n']} pictures that must stay."
    if first["clip"]:
        clip = f"embeddings {first['clip']}"
        far = (
            f"{far[:-1]}; the base against itself has CMMD {spread([base['cmmd_floor']], 4)}, "
            f"its CLIP score is {base['clip_score_base']:.4f}."
        )
    return (
        f"n ≥ {first['n']} a stratum; {judge}, {clip}; held-out templates and seeds, "
        "pictures paired by seed; mean ± spread over training seeds. Excluded: nothing; of people, what is shown is a "
        f"share of pictures with a face. {far}"
    )


def ranked(results: Results) -> list[tuple[str, Sequence[Mapping[str, Any]]]]:
    """The best H first, then what nobody judged, what failed last, what was never run not at all."""

    def rank(runs: Sequence[Mapping[str, Any]]) -> float:
        good = [run["summary"] for run in runs if "summary" in run]
        return float(np.mean([found.get("H", -1.0) for found in good] or [-2.0]))

    return sorted(((method, runs) for method, runs in results.items() if runs), key=lambda item: -rank(item[1]))


def missing_strata(results: Results) -> list[str]:
    """What the set could not fill, a line each."""
    found = {
        f"{name}: {why}"
        for runs in results.values()
        for run in runs
        for name, why in run.get("missing_strata", {}).items()
    }
    return sorted(found)


def judged(results: Results) -> bool:
    """Whether somebody could tell what is forgotten and what is kept."""
    return any(_both(run) for runs in results.values() for run in runs)


def _both(run: Mapping[str, Any]) -> bool:
    return {"Acc_e", "Acc_s"} <= set(run.get("summary", ()))


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
        points = np.array([(1 - run["summary"]["Acc_e"], run["summary"]["Acc_s"]) for run in runs if _both(run)])
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


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Mean ± standard deviation; without the second where there is one value, or no spread."""
    if not values:
        return UNKNOWN
    around = f" ± {np.std(values):,.{digits}f}" if len(values) > 1 and np.std(values) > 0 else ""
    return f"{np.mean(values):,.{digits}f}{around}"


FORMER = {"shown": "must_go", "shown_base": "must_go_base", "stays": "must_stay", "stays_base": "must_stay_base"}
"""What comparisons that were kept before roles and strata had one kind of score call its figures."""


def current(score: Mapping[str, Any]) -> Mapping[str, Any]:
    """A stratum's score by the names of today."""
    return {FORMER.get(name, name): value for name, value in score.items()} if "stays" in score else score
