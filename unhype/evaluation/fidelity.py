"""Fidelity: are pictures that must stay still the base's? Distances of sets and of pairs, agreement with the prompt.

    CMMD  = mean k(x, x′) + mean k(y, y′) − 2·mean k(x, y)
            over CLIP's embeddings of two sets of pictures, with k(x, y) = exp(−‖x − y‖² / 2σ²)
    score = cosine of CLIP's embeddings of a picture and of its prompt
    drift = 1 − cosine of a judge's features of two pictures of one prompt and seed

CMMD (Jayasumana et al. 2024, equation 4; σ = 10, × 1000) compares halves: guarded pictures of one half of the prompts
with the base's of the other. Its floor is the same with the base on both sides, so a method that changes nothing gets
exactly the floor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIGMA, SCALE = 10.0, 1000.0


@dataclass(frozen=True)
class Fidelity:
    """Of n pictures that must stay, beside the base's own of the same prompts and seeds.

    Attributes:
        cmmd, cmmd_floor: to the base's pictures of other prompts; of the base itself.
        clip_score, clip_score_base: mean cosine with the prompt.
        feature_drift: mean distance of a judge's features to the base's picture; ``None`` without one.
    """

    n: int
    cmmd: float
    cmmd_floor: float
    clip_score: float
    clip_score_base: float
    feature_drift: float | None


def cmmd(one: np.ndarray, two: np.ndarray) -> float:
    """Squared maximum mean discrepancy of embeddings ``[n, e]`` and ``[m, e]``, × 1000; 0 where equal, else above."""
    return float(SCALE * (_kernel(one, one) + _kernel(two, two) - 2 * _kernel(one, two)))


def _kernel(one: np.ndarray, two: np.ndarray) -> float:
    squares = (one**2).sum(1)[:, None] + (two**2).sum(1)[None] - 2 * one @ two.T
    return float(np.exp(-squares.clip(min=0).astype(np.float64) / (2 * SIGMA**2)).mean())


def compare_embeddings(
    guarded: np.ndarray,
    bare: np.ndarray,
    prompts: np.ndarray,
    guarded_features: np.ndarray | None,
    bare_features: np.ndarray | None,
    seed: int = 0,
) -> Fidelity:
    """All of it.

    Args:
        guarded, bare, prompts: unit embeddings ``[n, e]`` of guarded and bare pictures and of their prompts.
        guarded_features, bare_features: a judge's unit features ``[n, f]``; ``None`` where there is no judge.
        seed: of the split into halves.
    """
    order = np.random.default_rng(seed).permutation(len(guarded))
    first, second = np.array_split(order, 2)
    moved = None
    if guarded_features is not None and bare_features is not None:
        moved = float(1 - (guarded_features * bare_features).sum(1).mean())
    return Fidelity(
        len(guarded),
        cmmd(guarded[first], bare[second]),
        cmmd(bare[first], bare[second]),
        float((guarded * prompts).sum(1).mean()),
        float((bare * prompts).sum(1).mean()),
        moved,
    )
