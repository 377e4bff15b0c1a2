"""HyperForget's job: what was made and measured alike stays, anything else is made anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.hyperforget.conftest import NARROW, SMALL
from unhype.hyperforget.training import HyperForgetSettings
from unhype.pipeline import forgetting
from unhype.pipeline.forgetting import ForgettingJob
from unhype.training import Schedule

SETTINGS = HyperForgetSettings(
    zoo=SMALL, denoiser=NARROW, schedule=Schedule(steps=2, batch=8, rate=1e-3), sampling=3, draws=2, draw_steps=1
)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every measurement."""
    found: list[int] = []

    def evaluate(*_: object) -> Iterator[dict[str, Any]]:
        found.append(1)
        yield {"method": "HyperForget"}

    monkeypatch.setattr(forgetting, "evaluate", evaluate)
    return found


def test_what_was_made_and_measured_alike_stays(tmp_path: Path, measured: list[int]) -> None:
    job = ForgettingJob(SETTINGS, "two", "none", 3, 0, tmp_path)
    assert len(list(job.train())) == 2
    scores = job.evaluate()
    assert scores["hash"] == job.trained().card["hash"]
    assert list(job.train()) == []
    assert job.evaluate() == scores
    assert len(measured) == 1
    (job.folder / "scores.json").write_text('{"signal": ')
    assert job.evaluate() == scores
    assert len(measured) == 2
    other = replace(job, settings=replace(SETTINGS, sampling=2))
    assert len(list(other.train())) == 2
    assert other.evaluate()["sampling"] == 2
    assert len(measured) == 3


@pytest.mark.parametrize(("start", "sampling", "draws"), [("none", 3, 1), ("trained", 1, 2)])
def test_a_trained_net_changes_by_short_draws(start: str, sampling: int, draws: int, tmp_path: Path) -> None:
    job = ForgettingJob(SETTINGS, "two", start, 3, 0, tmp_path)
    list(job.train())
    card = job.trained().card
    assert (card["sampling"], card["draws"]) == (sampling, draws)


@pytest.mark.parametrize("key", ["sampling", "draws", "draw_steps"])
def test_no_draw_at_all_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="at least one step of sampling and one draw"):
        replace(SETTINGS, **{key: 0})  # type: ignore[arg-type]
