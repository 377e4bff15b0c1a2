"""The judge's arithmetic: one slip is forgiven, two are not; scraps show nobody."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unhype.miniature.avatars import CARDINALITIES
from unhype.miniature.judge import Judge, JudgeConfig, degrade, judge_loss, labels_for, name_posterior
from unhype.miniature.people import codes

CODE = codes()["David Bowie"]
BOWIE = list(codes()).index("David Bowie")


def certain(code: tuple[int, ...]) -> list[np.ndarray]:
    return [np.eye(size)[[value]] for value, size in zip(code, CARDINALITIES, strict=True)]


def changed(slips: int) -> tuple[int, ...]:
    return tuple(
        (v + 1) % size if k < slips else v for k, (v, size) in enumerate(zip(CODE, CARDINALITIES, strict=True))
    )


@pytest.mark.parametrize(("slips", "named"), [(0, True), (1, True), (2, False), (3, False)])
def test_one_slip_is_forgiven_two_are_somebody_else(slips: int, named: bool) -> None:
    posterior = name_posterior(certain(changed(slips)), JudgeConfig())[0]
    assert posterior.sum() == pytest.approx(1)
    assert bool(posterior.argmax() == BOWIE) is named
    assert bool(posterior[BOWIE] > 0.5) is named


def test_knowing_nothing_gives_the_prior() -> None:
    flat = [np.full((1, size), 1 / size) for size in CARDINALITIES]
    posterior = name_posterior(flat, JudgeConfig(unknown_prior=0.25))[0]
    assert posterior[-1] == pytest.approx(0.25)
    assert posterior[0] == pytest.approx(0.75 / 300)


def test_labels_and_loss_leave_empty_slots_out() -> None:
    labels = labels_for([(CODE,), ()], [None, "cat"])
    assert labels.shape == (2, 18)
    assert labels[0, :2].tolist() == [1, 10]
    assert labels[0, 2:10].tolist() == list(CODE)
    assert set(labels[0, 10:].tolist()) == {-100}
    loss = judge_loss(Judge(), torch.zeros(2, 3, 64, 64), labels)
    assert torch.isfinite(loss)


def test_degrading_keeps_shapes_and_turns_some_into_nothing() -> None:
    labels = labels_for([(CODE,)] * 200, ["cat"] * 200)
    pictures, degraded = degrade(torch.rand(200, 3, 64, 64) * 2 - 1, labels, np.random.default_rng(0))
    assert pictures.abs().max() <= 1
    nothing = degraded[:, 0] == 0
    assert 0 < nothing.sum() < 40
    assert (degraded[nothing, 2:] == -100).all()
    assert (degraded[~nothing] == labels[~nothing]).all()


@pytest.mark.parametrize("settings", [{"temperature": 0.0}, {"slip": 0.0}, {"unknown_prior": 1.0}])
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="wanted"):
        JudgeConfig(**settings)
