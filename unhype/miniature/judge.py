"""The judge: looks at a picture and says who and what it shows.

It never sees a caption, and shares nothing with the CLIP that conditions the denoiser. A small convolutional network
reads *attributes*: how many people, the eight attributes of each from left to right, which thing. The world's own
codebook turns attributes into names by Bayes' rule. So "unknown" is a hypothesis of its own with a prior, and not just
a low score: an avatar that differs from every name in two attributes or more is somebody else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from unhype.miniature.avatars import CARDINALITIES, Code
from unhype.miniature.people import codes
from unhype.miniature.things import THINGS

MAX_PEOPLE = 2
"""How many people a picture can show, counted from left to right."""

UNKNOWN = "unknown"

_LOGITS_PER_HEAD = [1 + MAX_PEOPLE, len(THINGS) + 1, *CARDINALITIES * MAX_PEOPLE]
"""Heads: how many people, which thing (or none), the attributes of each person from left to right."""


@dataclass(frozen=True)
class JudgeConfig:
    """What shapes a verdict besides the weights.

    Attributes:
        temperature: divides the logits; fitted on degraded renders so that confidence matches accuracy.
        slip: chance that a picture of somebody gets one attribute wrong; one slip is forgiven, two are not.
        unknown_prior: prior probability that a person is nobody of the named ones.
    """

    temperature: float = 1.0
    slip: float = 0.02
    unknown_prior: float = 0.5

    def __post_init__(self) -> None:
        if self.temperature <= 0 or not 0 < self.slip < 1 or not 0 < self.unknown_prior < 1:
            raise ValueError(f"got {self}, wanted temperature > 0 and slip and unknown_prior between 0 and 1")


@dataclass(frozen=True)
class Verdict:
    """What the judge sees in one picture.

    Attributes:
        names: one entry a person, from left to right: a name or ``unknown``.
        confidence: posterior probability of each of those entries.
        thing: one of the ten classes, or None.
        thing_confidence: probability of ``thing``.
    """

    names: tuple[str, ...]
    confidence: tuple[float, ...]
    thing: str | None
    thing_confidence: float

    @property
    def face(self) -> bool:
        """Whether there is anybody at all."""
        return bool(self.names)

    @property
    def neutral(self) -> bool:
        """One person or more, and nobody that has a name."""
        return self.face and all(name == UNKNOWN for name in self.names)


class Judge(nn.Module):
    """64 × 64 pictures → logits of the number of people, of the thing, and of every attribute of two people."""

    def __init__(self, config: JudgeConfig | None = None) -> None:
        super().__init__()
        self.config = config or JudgeConfig()
        self.stem = nn.Conv2d(3, 32, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(_down(32, 64), _same(64), _down(64, 96), _same(96), _down(96, 96))
        self.hidden = nn.Linear(96 * 16, 160)
        self.heads = nn.Linear(160, sum(_LOGITS_PER_HEAD))

    def forward(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """``[n, 3, 64, 64]`` in [−1, 1] → logits: people ``[n, 3]``, thing ``[n, 11]``, 16 attributes ``[n, ·]``."""
        return list(self.heads(self.features(pictures)).float().split(_LOGITS_PER_HEAD, dim=1))

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        """What all heads read, ``[n, 160]``."""
        seen: torch.Tensor = F.silu(self.hidden(self.blocks(F.silu(self.stem(pictures))).flatten(1)))
        return seen

    @torch.no_grad()
    def read(self, pictures: torch.Tensor) -> list[Verdict]:
        """The verdict on each picture ``[n, 3, 64, 64]`` in [−1, 1]."""
        probabilities = [
            (logits / self.config.temperature).softmax(1).double().cpu().numpy() for logits in self(pictures)
        ]
        people, things, attributes = probabilities[0].argmax(1), probabilities[1], probabilities[2:]
        who = [name_posterior(attributes[8 * slot : 8 * slot + 8], self.config) for slot in range(MAX_PEOPLE)]
        labels = [*codes(), UNKNOWN]
        verdicts = []
        for i, count in enumerate(people):
            best = [int(who[slot][i].argmax()) for slot in range(count)]
            thing = int(things[i].argmax())
            verdicts.append(
                Verdict(
                    names=tuple(labels[k] for k in best),
                    confidence=tuple(float(who[slot][i, k]) for slot, k in enumerate(best)),
                    thing=list(THINGS)[thing] if thing < len(THINGS) else None,
                    thing_confidence=float(things[i, thing]),
                )
            )
        return verdicts


def name_posterior(attributes: Sequence[np.ndarray], config: JudgeConfig) -> np.ndarray:
    """Posterior over the 300 names and, last, ``unknown``: ``[n, 301]``.

    The network gives p(attribute | picture) under a uniform prior over attributes, so p(picture | attribute) is
    proportional to it. A name predicts its code, each attribute wrong with probability ``slip``; ``unknown`` predicts
    every code alike.

    Args:
        attributes: eight arrays ``[n, values]`` of probabilities.
    """
    book = np.array(list(codes().values()))
    log_ratio = np.full((len(attributes[0]), len(book)), math.log((1 - config.unknown_prior) / len(book)))
    for k, probabilities in enumerate(attributes):
        values = probabilities.shape[1]
        slipped = (1 - config.slip) * probabilities + config.slip / values
        log_ratio += np.log(slipped[:, book[:, k]] * values)
    logits = np.concatenate([log_ratio, np.full((len(log_ratio), 1), math.log(config.unknown_prior))], axis=1)
    unnormalised = np.exp(logits - logits.max(1, keepdims=True))
    posterior: np.ndarray = unnormalised / unnormalised.sum(1, keepdims=True)
    return posterior


def labels_for(looks: Sequence[Sequence[Code]], things: Sequence[str | None]) -> torch.Tensor:
    """Target class of every head, ``int64 [n, 18]``; −100 where a slot is empty."""
    rows = []
    for people, thing in zip(looks, things, strict=True):
        attributes = [value for code in people for value in code]
        padding = [-100] * (8 * (MAX_PEOPLE - len(people)))
        rows.append([len(people), list(THINGS).index(thing) if thing else len(THINGS), *attributes, *padding])
    return torch.tensor(rows)


def judge_loss(judge: Judge, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy of every head, summed over heads and averaged over the pictures that define it."""
    losses = [
        F.cross_entropy(logits, labels[:, k]) for k, logits in enumerate(judge(pictures)) if (labels[:, k] >= 0).any()
    ]
    return torch.stack(losses).sum()


def degrade(
    pictures: torch.Tensor, labels: torch.Tensor, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Spoil pictures as a generator does, so that the judge learns to see past it: blur, noise, a shift of light.

    A few become scraps that show nobody and nothing; their labels change with them.
    """
    n = len(pictures)
    blurred = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    amount = torch.from_numpy(rng.beta(0.6, 1.2, size=(n, 1, 1, 1)).astype(np.float32))
    noise = torch.from_numpy(rng.normal(size=tuple(pictures.shape)).astype(np.float32))
    strength = torch.from_numpy(rng.uniform(0, 0.2, size=(n, 1, 1, 1)).astype(np.float32))
    light = torch.from_numpy(rng.normal(0, 0.05, size=(n, 3, 1, 1)).astype(np.float32))
    seen = pictures.lerp(blurred, amount) + strength * noise + light
    scraps = torch.from_numpy(rng.random(n) < 0.06)
    seen[scraps] = _scraps(seen[scraps], rng)
    labels = labels.clone()
    labels[scraps] = -100
    labels[scraps, 0] = 0
    labels[scraps, 1] = len(THINGS)
    return seen.clamp(-1, 1), labels


def _scraps(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Pictures cut into 8 × 8 tiles and shuffled: the world's colours without its figures."""
    tiles = F.unfold(pictures, 8, stride=8)
    order = torch.from_numpy(rng.permutation(tiles.shape[2]))
    return F.fold(tiles[:, :, order], pictures.shape[-2:], 8, stride=8)


def _down(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.GroupNorm(8, outputs), nn.SiLU())


def _same(width: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.GroupNorm(8, width), nn.SiLU())
