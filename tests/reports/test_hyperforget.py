"""Tables of HyperForget: shares of the retrained and of held-out nets, means over seeds, the worst digit."""

from __future__ import annotations

from typing import Any

from unhype.reports.hyperforget import asked_and_got, method_rows, turn_rows


def row(method: str, **figures: Any) -> dict[str, Any]:
    plain = {"R2": 0.5, "forget_train": 0.0, "forget_test": 0.0, "retain_test": 0.9, "membership": 0.1, "distance": 2.0}
    return {"method": method, **plain, "ms": 3.0, "got": [0.6, 15.0], **figures}


def scores(digit: int = 3, **own: Any) -> dict[str, Any]:
    methods = [
        row("retrained on D_r", retain_test=0.95, R2=None, got=[17.0]),
        row("unlearnt by descent", distance=4.0),
        row("HyperForget", **own),
    ]
    return {"digit": digit, "prompts": [0.5, 16.0], "methods": methods}


def test_one_row_a_method_with_its_spread() -> None:
    header, rows = method_rows([scores(R2=0.8), scores(R2=1.0)])
    own = dict(zip(header, rows[-1], strict=True))
    assert own["method"] == "HyperForget"
    assert own["R² ↑"] == "0.900 ± 0.100"
    assert own["of retrained ↑"] == "0.947"
    assert own["far from the zoo"] == "0.500"
    assert rows[0][1] == "–"


def test_the_worst_of_each_column_is_shown() -> None:
    header, rows = turn_rows([scores(1, R2=0.9, membership=0.4), scores(2, R2=0.7, membership=0.2)])
    worst = dict(zip(header, rows[-1], strict=True))
    assert [cells[0] for cells in rows] == ["1", "2", "the worst"]
    assert (worst["R² ↑"], worst["membership ↓"]) == ("0.700", "0.400")


def test_the_chart_has_every_prompt_of_those_that_were_asked() -> None:
    points = asked_and_got(scores())["data"]["values"]
    assert {point["method"] for point in points} == {"unlearnt by descent", "HyperForget"}
    assert {(point["asked"], point["got"]) for point in points} == {(0.5, 0.6), (16.0, 15.0)}
