"""Fidelity: known answers, a floor that is what changing nothing gets, and a CLIP that hears what it sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unhype.evaluation.fidelity import SCALE, SIGMA, cmmd, compare_embeddings
from unhype.judges.miniature import MiniatureClip


def unit(rng: np.random.Generator, n: int, shift: float = 0.0) -> np.ndarray:
    rows = rng.standard_normal((n, 16)) + shift
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_distance_of_equal_sets_is_zero_and_of_two_points_known() -> None:
    rng = np.random.default_rng(0)
    assert cmmd(one := unit(rng, 30), one) == pytest.approx(0, abs=1e-9)
    x, y = np.eye(2)[:1], np.eye(2)[1:]
    assert cmmd(x, y) == pytest.approx(SCALE * (2 - 2 * np.exp(-2 / (2 * SIGMA**2))))
    assert cmmd(unit(rng, 200), unit(rng, 200, shift=1.0)) > 20 * cmmd(unit(rng, 200), unit(rng, 200))


def test_what_changes_nothing_gets_the_floor() -> None:
    rng = np.random.default_rng(0)
    bare, prompts = unit(rng, 60), unit(rng, 60)
    same = compare_embeddings(bare, bare, prompts)
    assert (same.n, same.cmmd, same.clip_score) == (60, same.cmmd_floor, same.clip_score_base)
    moved = compare_embeddings(unit(rng, 60, shift=1.0), bare, prompts)
    assert moved.cmmd > 5 * moved.cmmd_floor
    assert compare_embeddings(bare[:1], bare[:1], prompts[:1]).cmmd is None, "one picture has no other half"


@pytest.mark.slow
def test_pictures_agree_with_their_own_prompts(data: Path) -> None:
    from unhype.miniature.captions import Subject
    from unhype.miniature.world import render

    clip = MiniatureClip(data / "judges" / "mini-clip")
    names = ["Prince", "Drake", "Cher", "Aaron Paul"]
    pictures = np.stack([render(Subject((name,)), seed=seed).pixels for seed, name in enumerate(names)])
    agreement = clip.see(pictures) @ clip.hear([f"a photo of {name}" for name in names]).T
    assert (agreement.argmax(1) == np.arange(4)).all()
