"""A monitor's weights and its bar: how the net's suspicion, the base's evidence and the words are weighed.

From pictures that the net was not taught comes how logit and evidence are weighed (logistic regression, and the net is
believed half of that), and on the strangers among them the bar is set: it is strangers who must not be taken for
somebody forgotten. What the words weigh is not learnt: those of the forgotten say the name here, and whoever searches
never says it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import torch

from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.families.text import Text
from unhype.monitor.features import View
from unhype.monitor.monitor import Heard, Monitor, Suspect
from unhype.monitor.net import MonitorNet
from unhype.monitor.recording import Looks

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
class Weighing:
    """A fitted net, and pictures that it was not taught.

    Attributes:
        forget: whom the net tells apart.
        table, looks: of :mod:`.rows` and :mod:`.recording`, row by row the same.
        known, strangers: rows of somebody forgotten, and of nobody.
        false_alarms: share of the strangers in whom somebody may be seen.
    """

    net: MonitorNet
    forget: tuple[str, ...]
    table: pd.DataFrame
    looks: Looks
    known: np.ndarray
    strangers: np.ndarray
    false_alarms: float

    def monitor(
        self,
        family: Family,
        prompts: Sequence[str],
        c: torch.Tensor,
        nearness: Callable[[Sequence[str]], torch.Tensor] | None = None,
    ) -> Monitor:
        """The net with weights and bar.

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
        found, device = [], next(self.net.parameters()).device
        for part in np.array_split(np.arange(len(rows)), -(-len(rows) // 256) or 1):
            features = self.looks.features[rows[part]].to(device).float()
            seen = View(features, self.looks.clean[rows[part]])
            every = monitor.suspects(seen, [()] * len(part), None if near is None else near[part].to(device))
            found += [each._replace(picture=int(rows[part[each.picture]])) for each in every]
        return found

    def _shows(self, suspect: Suspect) -> bool:
        return self.forget[suspect.concept] in self.table["shown"].iloc[suspect.picture]

    def _bar(self, known: Sequence[float], pictures: Sequence[int], strange: Sequence[float]) -> float:
        """What strangers pass in ``false_alarms`` of their pictures; halfway to the forgotten where there is room."""
        most = dict.fromkeys(self.strangers.tolist(), -np.inf)
        for picture, score in zip(pictures, strange, strict=True):
            most[picture] = max(most[picture], score)
        falling = sorted(most.values(), reverse=True)
        passed = falling[int(self.false_alarms * len(falling))] if falling else -np.inf
        least = float(np.quantile(known, MISSED))
        return float(max(passed, (max(passed, least - ROOM) + least) / 2))


def _least(right: Sequence[float], strange: Sequence[Suspect], share: float) -> float:
    """The least suspicion at which the base is asked: about a share of strangers, and half of the forgotten or more."""
    most = dict[int, float]()
    for each in strange:
        most[each.picture] = max(each.suspicion, most.get(each.picture, -np.inf))
    return min(float(np.median(right)), float(np.quantile([*most.values()], 1 - share)) if most else np.inf)


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
