"""Telling of progress: nothing is lost on the way, and a log gets few lines."""

from __future__ import annotations

import pytest

from unhype.progress import Progress, with_progress

STEPS = [Progress("drawing", i, 3) for i in range(4)] + [Progress("training", i, 2) for i in range(3)]


def test_reports_pass_through_and_a_log_gets_the_end_of_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(with_progress(iter(STEPS))) == STEPS
    assert capsys.readouterr().out.splitlines() == ["drawing: 3 of 3", "training: 2 of 2"]


def test_a_log_says_what_is_not_done_again(capsys: pytest.CaptureFixture[str]) -> None:
    list(with_progress(Progress("base pictures", i, 5) for i in (4, 5)))
    list(with_progress(iter([Progress("guarded pictures", 5, 5)])))
    assert capsys.readouterr().out.splitlines() == [
        "base pictures: 4 of 5 are there already",
        "base pictures: 5 of 5",
        "guarded pictures: 5 of 5 are there already",
        "guarded pictures: 5 of 5",
    ]


def test_a_terminal_gets_bars(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert list(with_progress(iter(STEPS))) == STEPS
    assert "drawing" in capsys.readouterr().err
