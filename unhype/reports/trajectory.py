"""Paths of LoRAs as tables and as a picture: what H emits beside what SGD walks (experiments/trajectory.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unhype.files import write_whole
from unhype.reports.tables import UNKNOWN, Rows

Scores = Mapping[str, Any]

Coordinates = Sequence[Sequence[float]]
"""Of a path's points in a plane, ``[S + 1, 2]``."""


def path_rows(scores: Scores) -> Rows:
    """One row a path: how far it is from the mean walk of SGD at quarters of S, and its own steps beside SGD's."""
    header = ("path", "¼", "½", "¾", "end", "off the path", "moved", "chord", "slope: cosine", "norm ratio", "s a step")
    rows = [
        [
            path["name"],
            *(f"{far:.2f}" for far in path["far"][1:-1]),
            f"{path['far'][-1]:.2f} ± {path['spread']:.2f}",
            f"{path['off'][-1]:.2f}",
            f"{path['moved']:.2f}",
            f"{path['chord']:.2f}",
            " ".join(f"{each:.2f}" for each in path["cosine"]),
            " ".join(f"{each:.2f}" for each in path["ratio"]),
            f"{path['seconds_a_step']:.2f}" if path["kind"] == "H" and path["seconds_a_step"] else UNKNOWN,
        ]
        for path in scores["paths"]
    ]
    return header, rows


def dial_rows(scores: Scores) -> Rows:
    """One row a path: what is left to forget at quarters of S, what pictures show, and which step of SGD is nearest."""
    header = ("path", "left at ¼", "½", "¾", "S", "shown at ½", "S", "nearest step of SGD to H(c, ½S)", "to H(c, S)")
    rows = [
        [
            path["name"],
            *(f"{left:.3f}" for left in path["remaining"][1:]),
            *([f"{shown:.2f}" for shown in path["shown"]] if path.get("shown") else [UNKNOWN] * 2),
            *(f"{path['nearest'][k]:.2f} S" for k in (2, 4)),
        ]
        for path in scores["paths"]
    ]
    return header, rows


def note(scores: Scores) -> str:
    """What the tables are of."""
    lengths = ", ".join(f"{length:.2f} ({target})" for target, length in scores["lengths"].items())
    return (
        f"S = {scores['S']}, η = {scores['eta']:g}, {scores['concepts']} names, one training seed. "
        f"A step of SGD has {scores['rows'][1]} rows of each name (mean) or {scores['rows'][0]} (seeds);\n"
        f"one of H has {scores['batch']} rows, of all names together. Length of the mean walk: {lengths}. "
        f"Pictures: n = {scores['n']} at each place."
    )


def draw_planes(panels: Mapping[str, Mapping[str, Coordinates]], path: Path) -> None:
    """Paths in planes, a panel each, as a PNG; a dot at every quarter of S, a square at its end."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(panels), figsize=(5.2 * len(panels), 4.6), squeeze=False)
    emitted = dict.fromkeys(name for paths in panels.values() for name in paths if "SGD" not in name)
    colours = {name: f"C{k}" for k, name in enumerate(emitted)}  # the same in every panel
    for place, (title, paths) in zip(axes[0], panels.items(), strict=True):
        for name, points in paths.items():
            x, y = zip(*points, strict=True)
            colour, last = colours.get(name, "0.25"), len(points) - 1
            place.plot(x, y, color=colour, linestyle="-" if name in colours else "--", label=name)
            quarters = [round(last * share) for share in (0.25, 0.5, 0.75)]
            place.scatter([x[s] for s in quarters], [y[s] for s in quarters], s=14, color=colour, zorder=3)
            place.scatter(x[-1], y[-1], s=36, color=colour, marker="s", zorder=3)
        place.set(title=title, xlabel="first principal component", ylabel="second")
        place.grid(alpha=0.3)
        place.legend(fontsize=7)
    figure.tight_layout()
    write_whole(path, lambda partial: figure.savefig(partial, format="png", dpi=90))
    plt.close(figure)
