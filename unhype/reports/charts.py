"""Charts for cards, as Vega-Lite specifications: what was measured while training, the switch, what was reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

Spec = dict[str, Any]
"""A chart in Vega-Lite's grammar, data included."""

POINTS, BINS = 200, 30


def curves(curve: Sequence[Mapping[str, float]], lines: Set[str]) -> Spec:
    """Some measured lines over the steps of a training, thinned to some :data:`POINTS` each."""
    thinned = curve[:: max(1, len(curve) // POINTS)]
    points = [
        {"step": point["step"], "value": point[line], "line": line}
        for point in thinned
        for line in sorted(lines & set(point))
    ]
    return _chart(points, "line", _axis("step"), _axis("value", scale={"type": "symlog"}), _colour("line"))


def switch_histogram(strengths: Mapping[str, np.ndarray]) -> Spec:
    """How strong the LoRA is, role by role: what is to be forgotten on the right, everything else at 0.

    Args:
        strengths: role → ‖ΔW‖ of its prompts.
    """
    top = max((float(one.max()) for one in strengths.values() if len(one)), default=0.0)
    bars = [
        {"role": role, "strength": round(left, 4), "to": round(right, 4), "share": count / len(values)}
        for role, values in strengths.items()
        if len(values)
        for left, right, count in _bins(values, top)
    ]
    x = _axis("strength", title="‖ΔW‖", bin={"binned": True})
    y = _axis("share", title="share of the role's prompts", stack=None)
    chart = _chart(bars, {"type": "bar", "opacity": 0.6}, x, y, _colour("role"))
    chart["encoding"]["x2"] = {"field": "to"}
    return chart


def erasure_against_retention(points: Sequence[Mapping[str, Any]]) -> Spec:
    """What is forgotten against what is kept, a point each; the best is in the upper right corner.

    The axes begin near the worst: guards that are any good lie within some hundredths of each other.

    Args:
        points: each with ``name``, ``forgotten`` (1 − Acc_e) and ``kept`` (Acc_s), both in 0…1.
    """
    x, y = (_axis(name, title=title, scale={"zero": False, "domainMax": 1}) for name, title in TITLES.items())
    return _chart(list(points), {"type": "point", "filled": True, "size": 90, "tooltip": True}, x, y, _colour("name"))


TITLES = {"forgotten": "forgotten: 1 − Acc_e", "kept": "kept: Acc_s"}


def _bins(values: np.ndarray, top: float) -> list[tuple[float, float, int]]:
    counts, edges = np.histogram(values, bins=BINS, range=(0.0, top or 1.0))
    return [(float(edges[i]), float(edges[i + 1]), int(count)) for i, count in enumerate(counts) if count]


def _axis(field: str, **more: Any) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", **more}


def _colour(field: str) -> dict[str, Any]:
    return {"field": field, "type": "nominal"}


def _chart(values: list[Any], mark: object, x: object, y: object, colour: object) -> Spec:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": 600,
        "height": 240,
        "data": {"values": values},
        "mark": mark,
        "encoding": {"x": x, "y": y, "color": colour},
    }
