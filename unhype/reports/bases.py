"""One comparison on several bases, side by side: each method a row, each figure a column for every base."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unhype.reports.comparison import COLUMNS, Results, spread
from unhype.reports.tables import UNKNOWN, Rows

SHOWN = ("H ↑", "Acc_e ↓", "Acc_s ↑", "alias ↓", "two ↓", "mixed, gone ↓", "mixed, kept ↑")
"""Of a comparison's columns; all of them for each base would be wider than a page."""

Found = Mapping[str, Results]
"""Base → what was measured on it."""


def bases_rows(found: Found) -> Rows:
    """One row a method, the best H first, mean ± spread over seeds; a dash where a base has no figure of it."""
    methods = dict.fromkeys(method for results in found.values() for method, runs in results.items() if runs)
    rows = []
    for method in sorted(methods, key=lambda method: -_rank(found, method)):
        good = [_good(results, method) for results in found.values()]
        cells = [
            spread([run[COLUMNS[heading]] for run in runs if COLUMNS[heading] in run])
            for heading in SHOWN
            for runs in good
        ]
        rows.append([method, *cells, ", ".join(str(len(runs)) if runs else UNKNOWN for runs in good)])
    headings = [f"{heading} {base}" for heading in SHOWN for base in found]
    return ("method", *headings, "seeds"), rows


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


def _rank(found: Found, method: str) -> float:
    """Mean H over the bases that have one; what nobody measured comes last."""
    known = [[run["H"] for run in _good(results, method) if "H" in run] for results in found.values()]
    means = [float(np.mean(values)) for values in known if values]
    return float(np.mean(means)) if means else -1.0
