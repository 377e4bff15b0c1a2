"""What the miniature base can do, measured: guided sampling on held-out templates and fresh seeds, read by the judge.

Each stratum has its own question (is this the right avatar, the right class, both people?); its score is a share of n
pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, cycle, islice
from typing import Any

import numpy as np
import torch

from unhype.miniature.captions import with_article
from unhype.miniature.judge import Judge, Verdict
from unhype.miniature.people import NEUTRAL, aliases, groups
from unhype.miniature.things import THINGS
from unhype.pictures.pixels import to_model_range
from unhype.pictures.sampling import Sampling, sample
from unhype.prompts.templates import HELD_OUT, Templates

FIRST_SEED = 5_000_000
"""Sampling seeds of the measurement start here."""

FIRST_TUNING_SEED = 6_000_000
"""Sampling seeds for tuning start here: the reported ones stay fresh."""


@dataclass(frozen=True)
class Question:
    """A prompt, a seed, and what the judge must see for the picture to count as right."""

    prompt: str
    seed: int
    right: Callable[[Verdict], bool]


@dataclass(frozen=True)
class Score:
    """The share of ``n`` pictures that were right, and the bar that it must reach, if any."""

    stratum: str
    share: float
    n: int
    bar: float | None

    @property
    def met(self) -> bool:
        """Whether the bar is reached; True where there is none."""
        return self.bar is None or self.share >= self.bar


STRATA = ("avatar", "class", "synonym", "alias", "two people", "neutral person")
"""What a base is asked for, each with a question of its own."""


def questions(stratum: str, n: int, templates: Templates = HELD_OUT) -> list[Question]:
    """The prompts of a stratum.

    Args:
        n: at least this many; every concept of the stratum appears equally often.
        templates: other than the held-out ones for tuning and diagnosis, which then gets seeds of its own.
    """
    first_seed = FIRST_SEED if templates is HELD_OUT else FIRST_TUNING_SEED
    frames = list(chain.from_iterable(templates.values()))
    cases = list(_cases(stratum))
    rounds = -(-n // len(cases))
    asked = []
    for i, (phrase, right) in enumerate(islice(cycle(cases), rounds * len(cases))):
        # Every concept walks through the templates from a place of its own, so that all pairs get their turn.
        template = frames[(i + i // len(cases)) % len(frames)]
        asked.append(Question(template.format(phrase), first_seed + i, right))
    return asked


def _cases(stratum: str) -> Iterator[tuple[str, Callable[[Verdict], bool]]]:
    people = [*groups()["forget"], *groups()["evaluation"]]
    if stratum == "avatar":
        for name in people:
            yield name, _shows_people(name)
    elif stratum == "alias":
        for name, alias in aliases().items():
            yield alias, _shows_people(name)
    elif stratum == "two people":
        order = np.random.default_rng(0).permutation(len(people))
        for left, right in zip(order, np.roll(order, 1), strict=True):
            yield f"{people[left]} and {people[right]}", _shows_people(people[left], people[right])
    elif stratum == "class":
        for kind in THINGS:
            yield with_article(kind), _shows_thing(kind)
    elif stratum == "synonym":
        for kind, synonyms in THINGS.items():
            for word in synonyms:
                yield with_article(word), _shows_thing(kind)
    elif stratum == "neutral person":
        for words in NEUTRAL.values():
            for word in words:
                yield word, lambda verdict: verdict.neutral
    else:
        raise ValueError(f"got the stratum {stratum!r}, wanted one of {', '.join(STRATA)}")


def _shows_people(*names: str) -> Callable[[Verdict], bool]:
    """Exactly these people, in any order."""
    return lambda verdict: sorted(verdict.names) == sorted(names)


def _shows_thing(kind: str) -> Callable[[Verdict], bool]:
    return lambda verdict: verdict.thing == kind


def ask(
    pipeline: Any, judge: Judge, asked: list[Question], how: Sampling, **call: Any
) -> Iterator[tuple[Question, np.ndarray, Verdict]]:
    """Draw and judge the questions one by one: (question, pixels ``uint8 [64, 64, 3]``, verdict).

    Args:
        call: what else a call of this pipeline is told.
    """
    batches = sample(pipeline, [q.prompt for q in asked], [q.seed for q in asked], how, **call)
    left = iter(asked)
    for pixels in batches:
        for picture, verdict in zip(pixels, judge.read(to_model_range(pixels, torch.device("cpu"))), strict=True):
            yield next(left), picture, verdict
