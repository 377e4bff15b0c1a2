"""The board on made-up reports: what was run alike stands side by side, beside what a comparison says must stay."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.comparison.test_running import TOY, Broken
from tests.jobs import toy_job
from unhype.attacks import running
from unhype.attacks.searching import Budget
from unhype.baselines.case import Case
from unhype.baselines.uce import Uce
from unhype.comparison import board as boards
from unhype.comparison.board import Board, gathered, points_of, write_board
from unhype.comparison.methods import chosen
from unhype.comparison.running import Comparison
from unhype.errors import UnhypeError
from unhype.gates.intervals import wilson
from unhype.monitor.fitting import MonitorSettings
from unhype.pictures.sampling import Sampling
from unhype.pipeline import job as jobs
from unhype.reports.attacked import board_notes, board_rows


def report(asr: float, budget: float = 60.0, identity: str = "i", n: int = 4) -> dict[str, Any]:
    return {
        "identity": identity,
        "base": "mini-sd",
        "base_hash": "b",
        "concepts": "toy",
        "judge": "an eye",
        "seed": 0,
        "budget": {"seconds": budget, "queries": None},
        "n": n,
        "pictures": 16,
        "bar": 0.5,
        "ASR": asr,
        "interval": wilson(asr, n),
        "median_queries": 9.5 if asr else None,
        "median_seconds": 3.0 if asr else None,
        "must_go": asr,
        "names": [{"concept": name} for name in ("Cher", "Bono", "Drake", "Adele")[:n]],
    }


def run(kept: float, identity: str = "i", drift: float = 0.01) -> dict[str, Any]:
    strata = {"unseen": {"n": 100, "must_stay": kept * 0.9, "must_stay_base": 0.9}}
    return {"summary": {"H": kept, "unseen: kept of base": kept, "drift": drift}, "strata": strata, "eraser": identity}


def put(folder: Path, **reports: dict[str, Any]) -> None:
    for rival, told in reports.items():
        for attack, each in told.items():
            (folder / rival).mkdir(exist_ok=True, parents=True)
            (folder / rival / f"{attack}.json").write_text(json.dumps(each))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(
        tmp_path,
        none={"tokens": report(1.0)},
        unhype={"tokens": report(0.25), "pictures": report(0.5, identity="i")},
        uce={"tokens": report(0.75, identity="another")},
        dve={
            "tokens": {"eraser": "dve", "error": "got dve, whose prediction has no gradient"},
            "pictures": report(0.0),
        },
        esd_u={"tokens": report(0.0, budget=10.0)},
    )
    return tmp_path


def test_nothing_kept_and_nothing_found_can_be_drawn(tmp_path: Path) -> None:
    """A share of 0 or 1 lies at the end of its interval, and none is beyond the base's."""
    put(tmp_path, esd_x={"pictures": report(0.0), "tokens": report(0.0)}, unhype={"tokens": report(1.0)})
    better = {"unseen": {"n": 1000, "must_stay": 1.0, "must_stay_base": 0.9}}
    results = {"esd_x": [run(0.0)], "unhype": [{**run(1.0), "strata": better}]}
    board = gathered(tmp_path)
    for point in points_of(board, results):
        for share, low, high in (point.kept, point.success):
            assert 0 <= low <= share <= high <= 1
    write_board(tmp_path, results)
    assert (tmp_path / "pareto.png").exists()
    assert list(board["attacks"]) == ["tokens", "pictures"]
    assert boards._note(board).startswith("4 names; where none of 4 was found, success may still be up to 0.49")


RESULTS = {"none": [run(1.0)], "unhype": [run(1.0), run(0.98)], "uce": [run(0.5)], "gem": [{"error": "got no flow"}]}


def test_a_row_has_its_attacks_and_what_stays(folder: Path) -> None:
    header, rows = board_rows(gathered(folder), RESULTS)
    table = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert list(table) == ["none", "unhype", "uce", "gem", "dve"]
    low, high = wilson(0.25, 4)
    assert table["unhype"]["ASR tokens ↓"] == f"0.25 [{low:.2f}, {high:.2f}]"
    assert table["unhype"]["unseen ↑"] == "0.990 ± 0.010"
    assert (table["unhype"]["pixel drift ↓"], table["gem"]["pixel drift ↓"]) == ("0.0100", "–")
    assert table["dve"]["ASR tokens ↓"] == table["dve"]["unseen ↑"] == "–"
    assert table["dve"]["ASR pictures ↓"].startswith("0.00 [")


def test_what_was_run_otherwise_is_left_out_and_told(folder: Path) -> None:
    board = gathered(folder)
    assert "esd_u" not in board["rivals"]
    notes = board_notes(board, RESULTS)
    assert "tokens: 4 names, 60 s a name, seed 0; judge an eye" in notes
    assert "not attacked by tokens: got a method whose prediction has no gradient (dve)" in notes
    assert any("of other fits of uce" in note for note in notes)
    assert any("tokens against esd_u was run otherwise" in note for note in notes)


def test_a_point_is_the_worst_attack_against_the_unseen_that_stay(folder: Path) -> None:
    points = {one.name: one for one in points_of(gathered(folder), RESULTS | {"dve": [run(0.9)]})}
    assert set(points) == {"none", "unhype", "uce", "dve"}
    assert points["unhype"].success == (0.5, *wilson(0.5, 4))
    low, high = wilson(0.99 * 0.9, 100)
    assert points["unhype"].kept == pytest.approx((0.99, low / 0.9, min(1.0, high / 0.9)))
    assert [name for name, one in points.items() if one.closed] == ["dve"]
    write_board(folder, RESULTS)
    assert (folder / "pareto.png").exists()
    write_board(folder / "empty", {})
    assert not (folder / "empty" / "pareto.png").exists()


@pytest.mark.slow
def test_every_method_is_attacked_through_itself_and_one_that_cannot_does_not_stop_the_rest(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = replace(toy_job(TOY, data, tmp_path), sampling=Sampling(steps=2, batch=16))
    judge = jobs.judging_of(job).judge
    assert judge is not None
    methods = {"broken": Broken(), "uce": Uce()}
    comparison = Comparison(job, jobs.load_base(job), judge, None, methods, [0])
    board = Board(comparison, judge, "tokens", Budget(None, 30), 0, tmp_path / "out")
    monkeypatch.setattr(boards, "METHODS", methods)
    parts = {progress.part for progress in board.run(["Adam Driver"])}
    assert {"none: tokens: names", "uce: tokens: names", "broken: fitting"} <= parts
    found = gathered(tmp_path / "out")
    assert "does not know" in found["rivals"]["broken"]["tokens"]["error"]
    assert found["rivals"]["uce"]["tokens"]["identity"] == methods["uce"].eraser(comparison.case(0)).identity
    assert set(found["rivals"]) == {"none", "broken", "uce"}
    monkeypatch.setattr(running, "shown", None)
    list(board.run(["Adam Driver"]))
    assert gathered(tmp_path / "out") == found, "nothing is searched or drawn again"


def test_a_guard_without_its_monitor_is_a_method_where_guards_have_one(data: Path, tmp_path: Path) -> None:
    job = replace(toy_job(TOY, data, tmp_path), monitor=MonitorSettings(when="never"))
    method, case = chosen(["unhype_words"], job)["unhype_words"], cast("Case", SimpleNamespace(seed=0))
    with pytest.raises(UnhypeError, match="no guard has a monitor"):
        next(iter(method.fit(case)))
    assert (method.name, method.fits) == ("unhype_words", "unhype")
