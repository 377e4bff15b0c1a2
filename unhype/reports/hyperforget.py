"""HyperForget's scores as tables: every method beside the others, every digit in turn; and asked against got."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import mean, pstdev
from typing import Any

from unhype.reports.tables import UNKNOWN, Rows

OWN, RETRAINED, UNLEARNT = "HyperForget", "retrained on D_r", "unlearnt by descent"

Scores = Sequence[Mapping[str, Any]]
"""Of one model each: seeds, or digits."""

HEADER = (
    "R² ↑",
    "D_f train ↓",
    "D_f test ↓",
    "D_r test",
    "of retrained ↑",
    "membership ↓",
    "far from the zoo",
    "ms a net",
)

UP = (0, 3, 4, 6)
"""Columns in which more is better."""


def figures(scores: Mapping[str, Any], method: str) -> list[float | None]:
    """The row of a method, in the order of ``HEADER``; None where a figure makes no sense."""
    rows = {row["method"]: row for row in scores["methods"]}
    row, retrained, unlearnt = rows[method], rows[RETRAINED], rows[UNLEARNT]
    return [
        row.get("R2"),
        *(row[key] for key in ("forget_train", "forget_test", "retain_test")),
        row["retain_test"] / retrained["retain_test"],
        row["membership"],
        row["distance"] / unlearnt["distance"],
        row["ms"] or None,
    ]


def method_rows(seeds: Scores) -> Rows:
    """One row a method, mean ± spread over seeds."""
    methods = [row["method"] for row in seeds[0]["methods"]]
    return ("method", *HEADER), [[method, *_cells([figures(one, method) for one in seeds])] for method in methods]


def turn_rows(digits: Scores) -> Rows:
    """One row a digit that was forgotten, and the worst of each column; seeds of a digit are averaged."""
    by_digit = {
        digit: [one for one in digits if one["digit"] == digit] for digit in sorted({d["digit"] for d in digits})
    }
    means = {digit: _means([figures(one, OWN) for one in ones]) for digit, ones in by_digit.items()}
    rows = [[str(digit), *map(_cell, found[:7])] for digit, found in means.items()]
    worst = [_worst([found[i] for found in means.values()], worst=min if i in UP else max) for i in range(7)]
    return ("forgotten", *HEADER[:7]), [*rows, ["the worst", *map(_cell, worst)]]


def _worst(column: Sequence[float | None], worst: Callable[[list[float]], float]) -> float | None:
    known = [value for value in column if value is not None]
    return worst(known) if known else None


def asked_and_got(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Losses that were asked for against those of the nets that came, as a chart."""
    points = [
        {"asked": asked, "got": got, "method": row["method"]}
        for row in scores["methods"]
        if len(row["got"]) > 1
        for asked, got in zip(scores["prompts"], row["got"], strict=True)
    ]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": 500,
        "height": 300,
        "data": {"values": points},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "asked", "type": "quantitative"},
            "y": {"field": "got", "type": "quantitative"},
            "color": {"field": "method", "type": "nominal"},
        },
    }


def _means(rows: Sequence[Sequence[float | None]]) -> list[float | None]:
    columns = [[value for value in column if value is not None] for column in zip(*rows, strict=True)]
    return [mean(column) if column else None for column in columns]


def _cells(rows: Sequence[Sequence[float | None]]) -> list[str]:
    columns = [[value for value in column if value is not None] for column in zip(*rows, strict=True)]
    return [_cell(mean(column), pstdev(column)) if column else UNKNOWN for column in columns]


def _cell(value: float | None, spread: float = 0.0) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:.3f}" if spread < 5e-4 else f"{value:.3f} ± {spread:.3f}"
