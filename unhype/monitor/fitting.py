"""A monitor's net is fitted.

    L = Σ_names BCE(logit_name(features of z_0), is the name in the picture?)

Whoever searches for a way around the net looks for pictures of the person that are not quite the name's. So it learns
from pictures that are noisy and partly hidden, with a window of another pasted in (CutMix, Yun et al. 2019: the face
may stand over somebody else's clothes), from blends of two (mixup, Zhang et al. 2018), and from some that were moved to
where it is wrong (adversarial training, Goodfellow et al. 2015).

Retained names are told apart as well as forgotten ones, so that the net learns what people differ in; their logits are
cut off in the end. Some retained names are held back, with some of the other pictures: nobody trains on them. From them
come weights and bar (:mod:`.weighing`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from unhype.monitor.net import MonitorNet, NetConfig
from unhype.monitor.recording import Looks
from unhype.monitor.rows import Amounts
from unhype.monitor.weighing import Weighing
from unhype.training import PRECISIONS, Report, Schedule, arithmetic_of, fit

HELD_BACK = 5
"""Every fifth retained name, and every fifth of the other pictures, sets weights and bar, and trains nothing."""

HIDDEN, HIDES, NOISE = 0.375, 0.5, 0.5
"""In half of the pictures a window of this share of each side is hidden (random erasing, Zhong et al. 2017), and all
get noise of up to this share of the features' spread. Whoever is drawn by other words than the name is hardly ever
quite as the name draws."""

WHEN = ("auto", "always", "never")

PASTED, SMALL, LARGE = 0.5, 0.3, 0.7
"""So many pictures get a window of another, of SMALL to LARGE of each side. Whoever was in the picture still counts as
shown; whether those are whom the other shows nobody can say, and the net is not asked."""

BLENDS, LEAST, CLEAR = 0.5, 0.55, 0.8
"""So many pictures are blended with another, of which there is at most 1 − LEAST. Whoever is in the other alone counts
as missing where it is nearly gone, from CLEAR on; before that nobody can say, and the net is not asked."""

PUSHED, PUSH = 0.5, 0.05
"""So many pictures are moved, each feature by this share of its spread."""


@dataclass(frozen=True)
class MonitorSettings:
    """How a monitor is made.

    Attributes:
        when: whether a guard gets one: ``auto``, where kind of concepts and family of the base were measured with one,
            ``always`` or ``never``.
        steps: of the sampler for the pictures that it learns from; few are enough, since it looks late.
        pictures: how many it learns from.
        net: its shape.
        schedule: steps, pictures a step, learning rate.
        false_alarms: share of the held-back strangers in whom it may see somebody forgotten.
        precision: arithmetic of the training, one of :data:`unhype.training.PRECISIONS`.
    """

    when: str = "auto"
    steps: int = 6
    pictures: Amounts = field(default_factory=Amounts)
    net: NetConfig = field(default_factory=NetConfig)
    schedule: Schedule = field(default_factory=lambda: Schedule(1800, 128, 3e-3, decay=0.02, average=0.99))
    false_alarms: float = 0.005
    precision: str = "auto"

    def __post_init__(self) -> None:
        if self.when not in WHEN:
            raise ValueError(f"got when: {self.when}, wanted {', '.join(WHEN)}")
        if self.steps < 1 or not 0 <= self.false_alarms < 1 or self.precision not in PRECISIONS:
            raise ValueError(
                f"got {self}, wanted steps ≥ 1, 0 ≤ false_alarms < 1 and a precision of {', '.join(PRECISIONS)}"
            )


class Fitting:
    """One monitor, from its pictures to its bar.

    Attributes:
        names: the forgotten, and the retained that are not held back.
        taught: rows that the net is trained on.
        strangers, known: rows that are held back: of nobody forgotten, and of somebody.
    """

    def __init__(
        self,
        forget: Sequence[str],
        retain: Sequence[str],
        table: pd.DataFrame,
        looks: Looks,
        settings: MonitorSettings,
        seed: int,
        device: torch.device,
    ) -> None:
        """Take what is learnt from.

        Args:
            table, looks: of :mod:`.rows` and :mod:`.recording`, row by row the same.
        """
        self.forget, self.settings, self.seed, self.device = tuple(forget), settings, seed, device
        self.looks, shown = looks, [set(each) for each in table["shown"]]
        held_back = set(retain[HELD_BACK - 1 :: HELD_BACK])
        self.names = (*forget, *(name for name in retain if name not in held_back))
        somebody, held = (np.array([bool(names & each) for each in shown]) for names in (set(forget), held_back))
        between = table["part"].to_numpy() < 1
        taught = ~held & (between | (np.arange(len(shown)) % HELD_BACK > 0))
        # Who is drawn between two texts is not always there: good enough to learn from, not to set a bar by.
        self.taught = np.flatnonzero(taught)
        self.known = np.flatnonzero(~taught & somebody & ~between)
        self.strangers = np.flatnonzero(~taught & ~somebody)
        self.shown, self.table = shown, table
        place = {name: i for i, name in enumerate(self.names)}
        self.labels = torch.zeros(len(shown), len(self.names))
        for row, each in enumerate(shown):
            self.labels[row, [place[name] for name in each if name in place]] = 1
        torch.manual_seed(seed)
        self.net = MonitorNet(settings.net, looks.features.shape[1], len(self.names))
        self.net.fit_scale(looks.features[self.taught])
        self.net.to(device)

    def run(self, checkpoint: Path) -> Iterator[Report]:
        """Train the net to the end, resuming from ``checkpoint``."""
        settings = self.settings
        precision = arithmetic_of(settings.precision, self.device)
        yield from fit(self.net.train(), self._loss, settings.schedule, checkpoint, self.seed, self.device, precision)
        self.net.eval()
        self.net.keep(len(self.forget))
        self.net.requires_grad_(False)

    def _loss(self, step: int, rng: np.random.Generator) -> torch.Tensor:
        rows = rng.choice(self.taught, self.settings.schedule.batch)
        labels = self.labels[rows].to(self.device)
        features = self.varied(self._features(rows), rng)
        features, after_pasting = self.pasted(features, labels, rng)
        features, after_blending = self.blended(features, labels, rng)
        asked = after_pasting * after_blending
        first = round(len(rows) * PUSHED)
        pushed = self.pushed(features[:first], labels[:first], asked[:first])
        return _error(self.net(torch.cat([pushed, features[first:]])), labels, asked)

    def _features(self, rows: np.ndarray) -> torch.Tensor:
        return self.looks.features[rows].to(self.device).float()

    def varied(self, features: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """Features of pictures, noisy and partly hidden."""
        n = len(features)
        mean, spread = (part.view(1, -1, 1, 1) for part in (self.net.mean, self.net.spread))
        noise = torch.from_numpy(rng.standard_normal(features.shape, np.float32)).to(features)
        noisy = features + noise * spread * torch.from_numpy(rng.uniform(0, NOISE, (n, 1, 1, 1))).to(features)
        hidden = _windows(rng, features, HIDES, HIDDEN, HIDDEN)
        return torch.where(hidden, mean, noisy)

    def pasted(
        self, features: torch.Tensor, labels: torch.Tensor, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Features of some pictures with a window of another's; and of whom the net is asked, 0 or 1 ``[n, names]``."""
        others = rng.choice(self.taught, len(features))
        window = _windows(rng, features, PASTED, SMALL, LARGE)
        asked = self._asked(labels, others, window.flatten(1).any(1))
        return torch.where(window, self._features(others), features), asked

    def blended(
        self, features: torch.Tensor, labels: torch.Tensor, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Features of some pictures blended with another's; and of whom the net is asked, 0 or 1 ``[n, names]``."""
        n, others = len(features), rng.choice(self.taught, len(features))
        share = np.where(rng.random(n) < BLENDS, rng.uniform(LEAST, 1, n), 1).astype(np.float32)
        part = torch.from_numpy(share).to(features)
        asked = self._asked(labels, others, part < CLEAR)
        return torch.lerp(self._features(others), features, part.view(-1, 1, 1, 1)), asked

    def _asked(self, labels: torch.Tensor, others: np.ndarray, mixed: torch.Tensor) -> torch.Tensor:
        """0 where a picture is mixed with one of ``others`` that shows a name which it did not, else 1."""
        unsure = (self.labels[others].to(labels) > labels) & mixed[:, None]
        return (~unsure).to(labels)

    def pushed(self, features: torch.Tensor, labels: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        """Features one step towards where the net is wrong about them (the sign of the gradient)."""
        features = features.detach().requires_grad_()
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(_error(self.net(features), labels, asked), features)
        return (features + PUSH * self.net.spread.view(1, -1, 1, 1) * gradient.sign()).detach()

    @property
    def weighing(self) -> Weighing:
        """What was fitted, and the pictures by which weights and bar are found."""
        told = self.table, self.looks, self.known, self.strangers
        return Weighing(self.net, self.forget, *told, self.settings.false_alarms)


def _windows(rng: np.random.Generator, features: torch.Tensor, part: float, small: float, large: float) -> torch.Tensor:
    """In this part of the pictures a window of so much of each side, somewhere: what lies in it, ``[n, 1, a, b]``."""
    n, _, *sides = features.shape
    rows, columns = (_stretches(rng, n, side, small, large) for side in sides)
    inside = rows[:, :, None] & columns[:, None, :] & (rng.random((n, 1, 1)) < part)
    return torch.from_numpy(inside[:, None]).to(features.device)


def _stretches(rng: np.random.Generator, n: int, side: int, small: float, large: float) -> np.ndarray:
    """Which of a side's places lie in each of n stretches, ``[n, side]``."""
    length = np.round(rng.uniform(small, large, (n, 1)) * side).clip(1, side)
    first = np.floor(rng.random((n, 1)) * (side - length + 1))
    places: np.ndarray = np.arange(side)[None]
    return (places >= first) & (places < first + length)


def _error(logits: torch.Tensor, labels: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
    """Cross entropy of a picture, in nats, of the names that it is asked about."""
    each = F.binary_cross_entropy_with_logits(logits.float(), labels, weight=asked, reduction="none")
    return each.sum(1).mean()
