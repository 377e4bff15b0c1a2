"""A comparison's table, its picture of forgetting against keeping, and a gallery with equal seeds.

In the gallery the base is above, and below it a row for each method.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unhype.comparison.running import BARE, Comparison
from unhype.errors import UnhypeError
from unhype.evaluation.album import Album
from unhype.files import write_text
from unhype.pictures.gallery import draw_gallery, save_picture
from unhype.reports.comparison import (
    Results,
    comparison_rows,
    cost_rows,
    draw_pareto,
    footnote,
    judged,
    missing_strata,
)
from unhype.reports.tables import markdown

SHOWN = ("forgotten", "alias", "two_forgotten", "forgotten_and_retained", "trained", "unseen", "near_miss", "things")
"""Strata in the gallery, a column each."""


def write_comparison(comparison: Comparison, folder: Path) -> str:
    """Write ``comparison.{md,json}``, ``gallery.png`` and, where both its axes are judged, ``pareto.png``.

    Returns:
        The table.
    """
    results = comparison.results()
    missing = missing_strata(results)
    text = "\n\n".join(
        [
            markdown(comparison_rows(results)),
            markdown(cost_rows(results)),
            footnote(results),
            *(f"Not asked: {line}" for line in missing),
        ]
    )
    write_text(folder / "comparison.md", text + "\n")
    write_text(folder / "comparison.json", json.dumps(results, indent=2) + "\n")
    if judged(results):
        draw_pareto(results, folder / "pareto.png")
    drawn = {
        name: min(run["seed"] for run in runs if "summary" in run)
        for name, runs in results.items()
        if any("summary" in run for run in runs)
    }
    _draw_gallery(comparison, drawn, folder / "gallery.png")
    return text


def load_results(path: Path) -> Results:
    """What :func:`write_comparison` wrote.

    Raises:
        UnhypeError: no such file, or something else.
    """
    try:
        told: dict[str, list[dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
        if not all("error" in run or run["strata"] for runs in told.values() for run in runs):
            raise ValueError("runs without scores")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnhypeError(f"got {path}, wanted a comparison.json of unhype compare ({error})") from error
    return told


def _draw_gallery(comparison: Comparison, names: Mapping[str, int], path: Path) -> None:
    """A row for each method, drawn with the training seed beside its name."""
    table, _ = comparison.strata
    rows = table[table["group"].isin(SHOWN)].groupby("group", sort=False).nth(0)
    pictures, words = [], []
    for name, seed in names.items():
        album = (
            comparison.bare
            if name == BARE
            else Album(comparison.job.images_folder, comparison.methods[name].eraser(comparison.case(seed)))
        )
        pictures += list(album.read(list(rows["prompt"]), list(rows["seed"])))
        words += (
            [f"{stratum}: {prompt}" for stratum, prompt in zip(rows["group"], rows["prompt"], strict=True)]
            if name == BARE
            else [name] * len(rows)
        )
    save_picture(draw_gallery(pictures, words, columns=len(rows)), path)
