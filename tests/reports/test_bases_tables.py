"""Bases side by side: every method a row, every base in each cell, a dash where nothing was measured and a line why."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from unhype.reports.bases import SHOWN, bases_rows, refusals
from unhype.reports.comparison import COLUMNS, comparison_rows
from unhype.reports.tables import markdown

ROOT = Path(__file__).resolve().parents[2]


def run(h: float, **others: float) -> dict[str, Any]:
    far = {"n": 4, "cmmd": 0.5, "cmmd_floor": 0.25, "clip_score": 0.75, "clip_score_base": 0.8, "feature_drift": 0.01}
    about = {"fidelity": far, "judge": "a judge", "clip": "a clip", "n": 3}
    return {"summary": {"H": h, "drift": 0.0, **others}, **about}


FOUND = {
    "mini-sd": {"none": [run(0.1)], "uce": [run(0.5), run(0.7)], "gem": [{"error": "got no flow, wanted one"}]},
    "mini-flux": {"none": [run(0.2)], "gem": [run(0.9)], "uce": [run(0.3, Acc_e=0.25)], "never run": []},
}


def test_a_cell_has_each_base_and_the_best_is_first() -> None:
    header, rows = bases_rows(FOUND)
    assert header == ("mini-sd · mini-flux", *SHOWN, "ASR tokens ↓", "ASR pictures ↓", "seeds")
    assert [row[:3] for row in rows] == [
        ["gem", "– · 0.900", "– · –"],
        ["uce", "0.600 · 0.300", "– · 0.250"],
        ["none", "0.100 · 0.200", "– · –"],
    ]
    assert [row[-1] for row in rows] == ["– · 1", "2 · 1", "1 · 1"]
    assert {len(row) for row in rows} == {len(header)}
    assert set(SHOWN) <= set(COLUMNS)


BOARD = {
    "attacks": {
        "tokens": {
            "names": ["Cher", "Bono"],
            "budget": {"seconds": 60.0, "queries": None},
            "seed": 0,
            "judge": "an eye",
        }
    },
    "rivals": {
        "uce": {"tokens": {"ASR": 0.5, "n": 2, "interval": [0.1, 0.9], "median_queries": 9.0, "identity": "u"}},
        "gem": {"tokens": {"error": "got gem, which is for flows"}},
    },
}


def test_how_many_names_fell_stands_beside_and_a_dash_where_nobody_attacked() -> None:
    _, rows = bases_rows(FOUND, {"mini-flux": BOARD})
    assert [(row[0], *row[-3:-1]) for row in rows] == [
        ("gem", "– · –", "– · –"),
        ("uce", "– · 1 of 2", "– · –"),
        ("none", "– · –", "– · –"),
    ]


def test_why_a_method_has_no_figures() -> None:
    assert refusals(FOUND) == ["gem on mini-sd: got no flow, wanted one"]


def test_seeds_that_failed_are_counted() -> None:
    _, rows = comparison_rows({"uce": [run(0.5), {"error": "got no room"}]})
    assert rows[0][0] == "uce"
    assert rows[0][-1] == "1 of 2"


@pytest.fixture
def figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program that fills pages, with an empty folder of scores in place of ours."""
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))  # where a program finds its neighbours
    spec = importlib.util.spec_from_file_location("figures", ROOT / "experiments" / "figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    for base in ("mini-sd", "mini-flux"):
        (tmp_path / "data" / "scores" / base).mkdir(parents=True)
    (tmp_path / "data" / "scores" / "mini-sd" / "toy-comparison.json").write_text(json.dumps(FOUND["mini-sd"]))
    return module


def page(what: str, inside: str = "") -> str:
    return f"<!-- figures: toy {what} -->\n{inside}\n<!-- end -->"


def test_a_page_tells_attacks_as_soon_as_somebody_measured_them(figures: Any, tmp_path: Path) -> None:
    empty = figures.filled(page("board"))
    assert "| method | ASR tokens ↓ | queries | ASR pictures ↓ |" in empty
    assert "| uce | – | – | – | – |" in empty
    (tmp_path / "data" / "scores" / "mini-sd" / "toy-board.json").write_text(json.dumps(BOARD))
    told = figures.filled(empty)
    assert "| uce | 0.50 [0.10, 0.90] | 9 |" in told
    assert "- tokens: 2 names, 60 s a name, seed 0; judge an eye" in told
    assert "- not attacked by tokens: got a method which is for flows (gem)" in told
    assert figures.filled(told) == told, "twice is once"


def test_beside_attacks_stands_what_was_measured_last(figures: Any, tmp_path: Path) -> None:
    """Of the own method alone, later than the comparison, which stays of one day."""
    scores, before = tmp_path / "data" / "scores" / "mini-sd", figures.filled(page("board"))
    (scores / "toy-own.json").write_text(json.dumps({"uce": [run(0.5, drift=0.123)]}))
    told = figures.filled(before)
    assert "0.123" not in before
    assert "0.123" in told
    assert "0.123" not in figures.filled(page("bases"))


def test_all_reports_of_attacks_stand_in_one_table(figures: Any, tmp_path: Path) -> None:
    scores = tmp_path / "data" / "scores" / "mini-sd"
    report = {"guard": "a" * 64, "n": 2, "pictures": 4, "shown": 0.25, "bare": 1.0, "worst": 0.5, "prompts": [{}, {}]}
    (scores / "toy-attack-replay.json").write_text(json.dumps(report))
    told = figures.filled(page("attacks"))
    assert "| `replay` | prompts that were found before | 2 prompts, 4 pictures each | 0.250 of pictures" in told


def test_a_page_shows_whichever_bases_are_there(figures: Any, tmp_path: Path) -> None:
    alone = markdown(comparison_rows(FOUND["mini-sd"]))
    assert figures.filled(page("bases", "old")) == page("bases", alone)
    assert figures.filled(page("others", "old")) == page("others")
    (tmp_path / "data" / "scores" / "mini-flux" / "toy-comparison.json").write_text(json.dumps(FOUND["mini-flux"]))
    both = f"{markdown(bases_rows(FOUND))}\n\nNot measured: gem on mini-sd: got no flow, wanted one."
    assert figures.filled(page("bases", alone)) == page("bases", both)
    others = figures.filled(page("others"))
    assert "### mini-flux" in others
    assert markdown(comparison_rows(FOUND["mini-flux"])) in others
    assert alone not in others
    assert figures.filled(others) == others, "twice is once"
