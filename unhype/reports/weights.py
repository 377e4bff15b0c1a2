"""LoRAs that are given for a name and losses, method by method: the table of docs/experiments/weights.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean, pstdev
from typing import Any

from unhype.reports.tables import UNKNOWN, Rows

HELD = {
    "left": "left ↓",
    "moved": "others move ↓",
    "R2": "R² ↑",
    "shown": "shown ↓",
    "face": "face ↑",
    "off": "from its own",
    "far": "from the bank",
}
SEEN = {"left": "seen: left ↓", "moved": "others move ↓", "R2": "R² ↑"}
"""Key → its column, of names that are held out and of those that the bank has."""


def weights_rows(scores: Mapping[str, Any]) -> Rows:
    """One row a method, mean ± spread over the denoiser's seeds."""
    columns = [(part, key) for part, keys in (("held", HELD), ("seen", SEEN)) for key in keys]
    rows = [
        [row["method"], *(_cell([one.get(key) for one in row[part]]) for part, key in columns)]
        for row in scores["methods"]
    ]
    return ("method", *HELD.values(), *SEEN.values()), rows


def _cell(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return UNKNOWN
    spread = pstdev(known)
    return f"{mean(known):.3f}" if spread < 5e-4 else f"{mean(known):.3f} ± {spread:.3f}"
