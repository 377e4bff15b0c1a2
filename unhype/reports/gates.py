"""The evidence of gates (``gates.json``, as a mapping) as tables, for pages, comments and reports alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unhype.reports.tables import UNKNOWN, Rows

MARKS = {"passed": "✓", "not asked": "–"}


def bound(limit: float, at_most: bool) -> str:
    """A threshold in words, ``≤ 0.05``."""
    return f"{'≤' if at_most else '≥'} {limit:g}"


def gate_rows(evidence: Mapping[str, Any]) -> Rows:
    """One row a gate: threshold, figure with its interval, n, verdict."""
    rows = []
    for gate in evidence["gates"]:
        around = f" ({gate['interval'][0]:.3f}–{gate['interval'][1]:.3f})" if gate["interval"] else ""
        figure = f"{gate['value']:.4f}{around}" if gate["value"] is not None else UNKNOWN
        why = f": {gate['why']}" if gate["why"] else ""
        verdict = f"{MARKS.get(gate['status'], '✗')} {gate['status']}{why}"
        rows.append([gate["title"], bound(gate["limit"], gate["at_most"]), figure, str(gate["n"] or UNKNOWN), verdict])
    return ("gate", "wanted", "got (95 %)", "n", "verdict"), rows


def difference_rows(evidence: Mapping[str, Any]) -> Rows:
    """One row a group of prompts: both guards, and how far they are apart."""
    rows = [
        [
            one["title"],
            f"{one['new']:.4f}",
            f"{one['champion']:.4f}",
            f"{one['new'] - one['champion']:+.4f} ({one['low']:+.3f} to {one['high']:+.3f})",
            str(one["n"]),
            "✓ passed" if one["passed"] else "✗ failed",
        ]
        for one in evidence["differences"]
    ]
    return ("goes wrong ↓", "this version", "champion", "difference (95 %)", "pairs", "verdict"), rows


def regression_rows(evidence: Mapping[str, Any], most: int | None = None) -> Rows:
    """One row a concept with which it goes wrong more often than the champion, the gravest first.

    Args:
        most: rows; how many are left is told.
    """
    found = evidence["regressions"]
    rows = [
        [one["concept"], one["title"], f"{one['new']} of {one['n']}", f"{one['champion']} of {one['n']}"]
        for one in found[:most]
    ]
    if left := len(found) - len(rows):
        rows.append([f"and {left} more", "", "", ""])
    return ("concept", "goes wrong", "this version", "champion"), rows
