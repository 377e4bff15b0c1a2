"""Charts: what they show is what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from unhype.reports.charts import POINTS, curves, erasure_against_retention, switch_histogram


def test_curves_have_the_lines_that_were_asked() -> None:
    curve = [{"step": float(step), "loss": 1 / step, "task": 2.0, "seconds": 9.0} for step in range(1, 1001)]
    values = curves(curve, {"loss", "task", "absent"})["data"]["values"]
    assert {value["line"] for value in values} == {"loss", "task"}
    assert POINTS <= len([value for value in values if value["line"] == "loss"]) <= 2 * POINTS
    assert values[0] == {"step": 1.0, "value": 1.0, "line": "loss"}


@pytest.mark.parametrize("top", [0.0, 12.5])
def test_bars_of_each_role_add_up_to_one(top: float) -> None:
    strengths = {"forget": np.linspace(0, top, 40), "retain": np.zeros(7), "alias": np.zeros(0)}
    bars = switch_histogram(strengths)["data"]["values"]
    for role in ("forget", "retain"):
        assert sum(bar["share"] for bar in bars if bar["role"] == role) == pytest.approx(1)
    (shut,) = (bar for bar in bars if bar["role"] == "retain")
    assert shut["strength"] == 0
    assert all(bar["strength"] < bar["to"] for bar in bars)


def test_points_are_taken_as_they_are() -> None:
    points = [{"name": "version 1, champion", "forgotten": 0.9, "kept": 0.8}]
    chart = erasure_against_retention(points)
    assert chart["data"]["values"] == points
    assert chart["encoding"]["x"]["field"] == "forgotten"
    assert all(chart["encoding"][axis]["scale"] == {"zero": False, "domainMax": 1} for axis in "xy")
