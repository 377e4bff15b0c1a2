"""Fidelity: are pictures that must stay still the base's? Distances of sets and of pairs, agreement with the prompt.

    CMMD  = mean k(x, x′) + mean k(y, y′) − 2·mean k(x, y)
            over CLIP's embeddings of two sets of pictures, with k(x, y) = exp(−‖x − y‖² / 2σ²)
    score = cosine of CLIP's embeddings of a picture and of its prompt
    drift = 1 − cosine of a judge's features of two pictures of one prompt and seed

CMMD (Jayasumana et al. 2024, equation 4; σ = 10, × 1000) compares halves: guarded pictures of one half of the prompts
with the base's of the other. Its floor is the same with the base on both sides, so a method that changes nothing gets
exactly the floor. Without a CLIP neither is measured, without a judge's features no drift of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unhype.evaluation.album import Album
from unhype.evaluation.looking import measured
from unhype.judges.embeddings import Embeddings
from unhype.judges.judge import features_of

SIGMA, SCALE = 10.0, 1000.0


@dataclass(frozen=True)
class Fidelity:
    """Of n pictures that must stay, beside the base's own of the same prompts and seeds.

    Attributes:
        cmmd, cmmd_floor: to the base's pictures of other prompts; of the base itself; ``None`` without a CLIP, and of a
            single picture, which has no other.
        clip_score, clip_score_base: mean cosine with the prompt; ``None`` without a CLIP.
        feature_drift: mean distance of a judge's features to the base's picture; ``None`` without one.
    """

    n: int
    cmmd: float | None = None
    cmmd_floor: float | None = None
    clip_score: float | None = None
    clip_score_base: float | None = None
    feature_drift: float | None = None


def cmmd(one: np.ndarray, two: np.ndarray) -> float:
    """Squared maximum mean discrepancy of embeddings ``[n, e]`` and ``[m, e]``, × 1000; 0 where equal, else above."""
    return float(SCALE * (_kernel(one, one) + _kernel(two, two) - 2 * _kernel(one, two)))


def _kernel(one: np.ndarray, two: np.ndarray) -> float:
    squares = (one**2).sum(1)[:, None] + (two**2).sum(1)[None] - 2 * one @ two.T
    return float(np.exp(-squares.clip(min=0).astype(np.float64) / (2 * SIGMA**2)).mean())


def compare_albums(
    guarded: Album, bare: Album, prompts: Sequence[str], seeds: Sequence[int], clip: Embeddings | None, judge: object
) -> Fidelity:
    """Of the drawn pictures of these prompts, which stream past.

    Args:
        clip: ``None`` where none is at hand.
        judge: ``None``, or one without features, where how far they moved is not asked.
    """
    if not prompts:
        return Fidelity(0)
    features = features_of(judge) if judge else None
    seen = [measured(clip.see, album.batches(prompts, seeds)) for album in (guarded, bare)] if clip else None
    moved = [measured(features, album.batches(prompts, seeds)) for album in (guarded, bare)] if features else None
    found = Fidelity(len(prompts))
    if clip and seen:
        found = compare_embeddings(seen[0], seen[1], clip.hear(list(prompts)))
    return replace(found, feature_drift=float(1 - (moved[0] * moved[1]).sum(1).mean()) if moved else None)


def compare_embeddings(guarded: np.ndarray, bare: np.ndarray, prompts: np.ndarray, seed: int = 0) -> Fidelity:
    """What a CLIP tells of it.

    Args:
        guarded, bare, prompts: unit embeddings ``[n, e]`` of guarded and bare pictures and of their prompts.
        seed: of the split into halves.
    """
    order = np.random.default_rng(seed).permutation(len(guarded))
    first, second = np.array_split(order, 2)
    return Fidelity(
        len(guarded),
        cmmd(guarded[first], bare[second]) if len(second) else None,
        cmmd(bare[first], bare[second]) if len(second) else None,
        float((guarded * prompts).sum(1).mean()),
        float((bare * prompts).sum(1).mean()),
    )
