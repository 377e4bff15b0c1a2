"""The instruments, examined: the judge and CLIP on fresh renders of known truth, with nothing generated in between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from unhype.miniature.autoencoder import encode
from unhype.miniature.captions import Subject
from unhype.miniature.clip import image_features, text_features, tokenize
from unhype.miniature.judge import UNKNOWN, Judge, JudgeConfig, Verdict, degrade, labels_for
from unhype.miniature.measuring import Score
from unhype.miniature.people import NEUTRAL, codes
from unhype.miniature.pictures import Pictures
from unhype.miniature.world import Picture, render
from unhype.pictures.pixels import to_model_range, to_pixels
from unhype.prompts.templates import HELD_OUT

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from transformers import CLIPModel, CLIPTokenizer

FRESH_RENDERS = 3_000_000
"""Render seeds of these examinations start here; training uses seeds below 1,000,000."""

CALIBRATION_SEED = 2_000_000
"""First seed of the renders on which the judge's temperature is fitted."""

CPU = torch.device("cpu")


def examine_judge(judge: Judge, autoencoder: AutoencoderKL, n: int) -> list[Score]:
    """The judge's marks, each a share of ``n``.

    The first two marks count pictures in which everything is read right: fresh renders of the training mixture, and
    the autoencoder's reconstructions of them. The third counts nameless people who are taken for nobody in particular.
    """
    fresh = Pictures(Path(), n, FRESH_RENDERS)
    rows = [fresh.picture(i) for i in range(n)]
    kinds = list(NEUTRAL)
    nameless = [render(Subject((kinds[i % len(kinds)],)), seed=FRESH_RENDERS + i) for i in range(n)]
    renders = reconstructions = strangers = 0
    for start in range(0, n, 50):
        part = rows[start : start + 50]
        pictures = _shown(part)
        with torch.no_grad():
            decoded = autoencoder.decode(encode(autoencoder, pictures)).sample
        renders += sum(map(_all_right, part, judge.read(pictures)))
        reconstructions += sum(map(_all_right, part, judge.read(to_model_range(to_pixels(decoded), CPU))))
        strangers += sum(
            map(_all_right, nameless[start : start + 50], judge.read(_shown(nameless[start : start + 50])))
        )
    return [
        Score("judge on renders", renders / n, n, 0.99),
        Score("judge on reconstructions", reconstructions / n, n, 0.95),
        Score("judge on nameless people", strangers / n, n, None),
    ]


def calibrate(judge: Judge, count: int = 2000) -> JudgeConfig:
    """The judge's configuration with the temperature that gives degraded fresh renders the highest likelihood."""
    _, pictures, labels = _degraded(count, CALIBRATION_SEED)
    with torch.no_grad():
        logits = judge(pictures)
    temperatures = np.geomspace(0.5, 4, 61)
    loss = [
        sum(float(F.cross_entropy(z / t, labels[:, k], reduction="sum")) for k, z in enumerate(logits))
        for t in temperatures
    ]
    return replace(judge.config, temperature=float(round(temperatures[int(np.argmin(loss))], 3)))


def calibration_error(judge: Judge, n: int, bins: int = 10) -> float:
    """Expected calibration error (Guo et al. 2017) of the judge's names, on degraded fresh renders.

    "unknown" counts as a name. The error is the mean distance between confidence and accuracy over ``bins`` of equal
    width, weighted by how many verdicts fall into each.
    """
    rows, pictures, labels = _degraded(n, FRESH_RENDERS)
    confidence: list[float] = []
    right: list[bool] = []
    for row, people, verdict in zip(rows, labels[:, 0].tolist(), judge.read(pictures), strict=True):
        if people and len(verdict.names) == people:
            confidence += verdict.confidence
            right += [name == truth for name, truth in zip(verdict.names, _truth(row), strict=True)]
    sure, hit = np.array(confidence), np.array(right)
    index = np.minimum((sure * bins).astype(int), bins - 1)
    return float(
        sum(abs(sure[index == b].mean() - hit[index == b].mean()) * (index == b).mean() for b in np.unique(index))
    )


@torch.no_grad()
def examine_clip(model: CLIPModel, tokenizer: CLIPTokenizer, n: int) -> Score:
    """How often CLIP, shown a render of an avatar, finds its name among all 300, in captions of held-out templates."""
    names, templates = list(codes()), HELD_OUT["photo"]
    right = rounds = 0
    while rounds * len(names) < n:
        pictures = _shown([render(Subject((name,)), seed=FRESH_RENDERS + rounds) for name in names])
        captions = [templates[(i + rounds) % len(templates)].format(name) for i, name in enumerate(names)]
        image = F.normalize(image_features(model, pictures), dim=-1)
        text = F.normalize(text_features(model, tokenize(tokenizer, captions)), dim=-1)
        right += int(((image @ text.T).argmax(1) == torch.arange(len(names))).sum())
        rounds += 1
    return Score("CLIP names an avatar", right / (rounds * len(names)), rounds * len(names), None)


def _degraded(count: int, seed: int) -> tuple[list[Picture], torch.Tensor, torch.Tensor]:
    """Fresh renders of the mixture, degraded, with the labels that are left."""
    fresh = Pictures(Path(), count, seed)
    rows = [fresh.picture(i) for i in range(count)]
    labels = labels_for([row.codes for row in rows], [row.subject.thing for row in rows])
    return rows, *degrade(_shown(rows), labels, np.random.default_rng(seed))


def _shown(rows: list[Picture]) -> torch.Tensor:
    return to_model_range(np.stack([row.pixels for row in rows]), CPU)


def _truth(row: Picture) -> tuple[str, ...]:
    return tuple(UNKNOWN if person in NEUTRAL else person for person in row.subject.people)


def _all_right(row: Picture, verdict: Verdict) -> bool:
    return verdict.names == _truth(row) and verdict.thing == row.subject.thing
