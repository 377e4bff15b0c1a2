"""One comparison on several bases, side by side: each method a row, in each cell the figure of every base."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unhype.reports.attacked import ATTACKS, short
from unhype.reports.comparison import COLUMNS, Results
from unhype.reports.tables import UNKNOWN, Rows

SHOWN = ("H ↑", "Acc_e ↓", "Acc_s ↑", "alias ↓", "two ↓", "mixed, gone ↓", "mixed, kept ↑")
"""Of a comparison's columns; all of them for several bases would be wider than a page."""

SIDE = " · "
"""Between the figures of two bases."""

Found = Mapping[str, Results]
"""Base → what was measured on it."""


def bases_rows(found: Found, boards: Mapping[str, Mapping[str, Any]] | None = None) -> Rows:
    """One row a method, the best H first; in a cell the mean over seeds on each base, a dash where there is none.

    Of attacks it has how many names fell, of how many (:mod:`unhype.comparison.board`).

    Spreads are in the table of each base alone (:func:`unhype.reports.comparison.comparison_rows`).

    Args:
        boards: base → its board, of bases that have one.
    """
    methods = dict.fromkeys(method for results in found.values() for method, runs in results.items() if runs)
    rows = []
    for method in sorted(methods, key=lambda method: -_rank(found, method)):
        good = [_good(results, method) for results in found.values()]
        cells = [SIDE.join(_mean(runs, COLUMNS[heading]) for runs in good) for heading in SHOWN]
        fell = [SIDE.join(short((boards or {}).get(base, {}), method, one) for base in found) for one in ATTACKS]
        rows.append([method, *cells, *fell, SIDE.join(str(len(runs)) if runs else UNKNOWN for runs in good)])
    return (SIDE.join(found), *SHOWN, *(f"ASR {one} ↓" for one in ATTACKS), "seeds"), rows


def refusals(found: Found) -> list[str]:
    """Why a method has no figures on a base, a line each."""
    return [
        f"{method} on {base}: {runs[0]['error']}"
        for base, results in found.items()
        for method, runs in results.items()
        if runs and not _good(results, method)
    ]


def _good(results: Results, method: str) -> list[Mapping[str, float]]:
    return [run["summary"] for run in results.get(method, ()) if "summary" in run]


def _mean(runs: list[Mapping[str, float]], name: str) -> str:
    values = [run[name] for run in runs if name in run]
    return f"{np.mean(values):.3f}" if values else UNKNOWN


def _rank(found: Found, method: str) -> float:
    """Mean H over the bases that have one; what nobody measured comes last."""
    known = [[run["H"] for run in _good(results, method) if "H" in run] for results in found.values()]
    means = [float(np.mean(values)) for values in known if values]
    return float(np.mean(means)) if means else -1.0
