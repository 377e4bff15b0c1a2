"""A monitor is fitted: the net first, then how its suspicion and the base's evidence are weighed.

    L = Σ_names BCE(logit_name(features of z_0), is the name in the picture?)

Whoever searches for a way around the net looks for pictures of the person that are not quite the name's. So it learns
from pictures that are noisy and partly hidden, with a window of another pasted in (CutMix, Yun et al. 2019: the face
may stand over somebody else's clothes), from blends of two (mixup, Zhang et al. 2018), and from some that were moved to
where it is wrong (adversarial training, Goodfellow et al. 2015).

Retained names are told apart as well as forgotten ones, so that the net learns what people differ in; their logits are
cut off in the end. Some retained names are held back, with some of the other pictures: nobody trains on them. From them
comes how logit and evidence are weighed (logistic regression, and the net is believed half of that), and on the
strangers among them the bar is set: it is strangers who must not be taken for somebody forgotten. What the words weigh
is not learnt: those of the forgotten say the name here, and whoever searches never says it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.families.text import Text
from unhype.monitor.features import View
from unhype.monitor.monitor import Heard, Monitor, Suspect
from unhype.monitor.net import MonitorNet, NetConfig
from unhype.monitor.recording import Looks
from unhype.monitor.rows import Amounts
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

MISSED = 0.005
"""Share of the forgotten whom nobody needs to see."""

WEIGHED, ASKED = 0.4, 0.1
"""Share of the pictures of strangers about which the base is asked: while it is weighed, and by the monitor. A suspect
costs more than half a step of drawing; where words are heard, hardly anybody is seen whom fewer questions miss."""

BELIEVED = 0.5
"""So much of its weight the net's logit keeps. Weights are fitted to people whom nobody tries to hide; whoever searches
for a way through moves the net further than the base: docs/experiments/monitor.md."""

WORDS = 12.0
"""Nats for each unit of cosine by which words come nearer to a concept than strangers' do. That is one and a half for
each standard deviation among strangers; docs/experiments/monitor.md."""

ROOM = 8.0
"""How far below the forgotten the bar may lie at most, in nats, where no stranger comes near."""


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

    def monitor(
        self,
        family: Family,
        prompts: Sequence[str],
        c: torch.Tensor,
        nearness: Callable[[Sequence[str]], torch.Tensor] | None = None,
    ) -> Monitor:
        """What was fitted, with weights and bar.

        Args:
            prompts, c: see :class:`Monitor`.
            nearness: texts → how near their words come to each concept, ``[n, m]``; None where no switch reads words.

        Raises:
            UnhypeError: the net finds nobody.
        """
        every = Monitor(self.net, self.forget, tuple(prompts), c, -np.inf, (1.0, 0.0, 0.0), 0.0, 0.0)
        right = [each for each in self._suspects(every, self.known) if self._shows(each)]
        if not right:
            raise UnhypeError(
                "got a monitor that finds nobody in the pictures that it was not taught, wanted one that does: raise "
                "monitor: schedule: steps in params.yaml, or turn it off with monitor: when: never"
            )
        logit, evidence = self._weighed(family, every, right)
        said = self.table["prompt"].iloc[self.strangers].tolist()
        near = nearness(said) if nearness and said else None
        weights = BELIEVED * logit, evidence, WORDS if near is not None else 0.0
        usual = 0.0 if near is None else float(near.amax(1).median())
        hearing = replace(every, weights=weights, usual=usual)
        strange = self._suspects(hearing, self.strangers, near)
        # Whoever is searched for says nothing near.
        known = [each._replace(seen=weights[0] * each.seen) for each in right]
        asked = _least([each.suspicion for each in known], strange, ASKED)
        monitor = replace(hearing, suspected=asked)
        known, strange = ([each for each in part if each.suspicion >= asked] for part in (known, strange))
        heard = None if near is None else Heard(near, partial(self._texts, family))
        told = monitor.told(family, self.looks.latents, self.looks.clean, [*known, *strange], heard)
        scores = monitor.above(*told.unbind(1)).tolist()
        bar = self._bar(scores[: len(known)], [each.picture for each in strange], scores[len(known) :])
        return replace(monitor, net=self.net.cpu(), c=c.cpu(), bar=bar)

    def _texts(self, family: Family, rows: Sequence[int]) -> Text:
        """What draws these rows, as the denoiser reads it."""
        each = self.table.iloc[list(rows)]
        part = torch.tensor(each["part"].to_numpy(np.float32))
        return family.encode(list(each["prompt"])).blended(family.encode(list(each["other"])), part)

    def _weighed(self, family: Family, every: Monitor, right: Sequence[Suspect]) -> tuple[float, float]:
        """Weights of logit and evidence, of those about whom the base is asked by the net alone."""
        somebody = self._suspects(every, self.strangers)
        asked = _least([each.suspicion for each in right], somebody, WEIGHED)
        # Somebody forgotten beside whom another is suspected says nothing of strangers.
        known, strange = ([each for each in part if each.suspicion >= asked] for part in (right, somebody))
        told = every.told(family, self.looks.latents, self.looks.clean, [*known, *strange])
        return _logistic(told, len(known))

    def _suspects(self, monitor: Monitor, rows: np.ndarray, near: torch.Tensor | None = None) -> list[Suspect]:
        found = []
        for part in np.array_split(np.arange(len(rows)), -(-len(rows) // 256) or 1):
            seen = View(self._features(rows[part]), self.looks.clean[rows[part]])
            every = monitor.suspects(seen, [()] * len(part), None if near is None else near[part].to(self.device))
            found += [each._replace(picture=int(rows[part[each.picture]])) for each in every]
        return found

    def _shows(self, suspect: Suspect) -> bool:
        return self.forget[suspect.concept] in self.shown[suspect.picture]

    def _bar(self, known: Sequence[float], pictures: Sequence[int], strange: Sequence[float]) -> float:
        """What strangers pass in ``false_alarms`` of their pictures; halfway to the forgotten where there is room."""
        most = dict.fromkeys(self.strangers.tolist(), -np.inf)
        for picture, score in zip(pictures, strange, strict=True):
            most[picture] = max(most[picture], score)
        falling = sorted(most.values(), reverse=True)
        passed = falling[int(self.settings.false_alarms * len(falling))] if falling else -np.inf
        least = float(np.quantile(known, MISSED))
        return float(max(passed, (max(passed, least - ROOM) + least) / 2))


def _least(right: Sequence[float], strange: Sequence[Suspect], share: float) -> float:
    """The least suspicion at which the base is asked: about a share of strangers, and half of the forgotten or more."""
    most = dict[int, float]()
    for each in strange:
        most[each.picture] = max(each.suspicion, most.get(each.picture, -np.inf))
    return min(float(np.median(right)), float(np.quantile([*most.values()], 1 - share)) if most else np.inf)


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


def _logistic(told: torch.Tensor, known: int) -> tuple[float, float]:
    """Weights by which the first ``known`` rows are told from the others, in nats."""
    from sklearn.linear_model import LogisticRegression

    if known == len(told):
        return 1.0, 0.0
    values, yes = told.numpy(), np.arange(len(told)) < known
    spread = values.std(0).clip(min=1e-9)
    found = LogisticRegression(class_weight="balanced").fit(values / spread, yes)
    logit, evidence = (found.coef_[0] / spread).tolist()
    return logit, evidence
