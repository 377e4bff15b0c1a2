"""From a concept set to tables of prompts: templates × concepts, a seed for every picture. Same input, same bytes.

A row's template and seed follow from its words, not from its place: where a list gains or loses a name, the rows of the
others stay what they were, and so do their pictures.

Four tables. ``train`` has every forgotten concept in every training template; ``retain`` the same for the concepts to
keep; ``pairs`` has forgotten people beside others, who are kept or forgotten too; ``evaluation`` has all roles in
held-out templates, with seeds of its own. Synonyms and aliases of what is forgotten are for evaluation alone: they ask
whether erasure generalises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, product
from typing import TYPE_CHECKING

import pandas as pd

from unhype.prompts.rows import FIRST_SEED, SEEDS, Asked, table_of
from unhype.prompts.seeding import Seeds, number
from unhype.prompts.templates import DEVELOPMENT, HELD_OUT, TRAINING, Templates

if TYPE_CHECKING:
    from unhype.concepts.schema import ConceptSet

COMPANIONS = 4
"""How many people to keep each forgotten one stands before, and behind, and how many other forgotten ones before."""


@dataclass(frozen=True)
class PromptSettings:
    """How many prompts.

    Attributes:
        per_role: prompts of each role in the evaluation table, at least; every concept of a role appears equally often.
    """

    per_role: int = 500

    def __post_init__(self) -> None:
        if self.per_role < 1:
            raise ValueError(f"got {self}, wanted per_role ≥ 1")


def training_tables(concepts: ConceptSet) -> dict[str, pd.DataFrame]:
    """The ``train``, ``retain`` and ``pairs`` tables."""
    beside = pairs(concepts)
    return {
        "train": _table(_crossed(_forget(concepts), TRAINING), "train"),
        "retain": _table(_crossed(_retain(concepts), TRAINING), "train"),
        "pairs": _table(_walked(beside, TRAINING, len(beside)), "train"),
    }


def evaluation_table(concepts: ConceptSet, settings: PromptSettings, development: bool = False) -> pd.DataFrame:
    """The ``evaluation`` table.

    For tuning it is the ``development`` one: no evaluation names, no synonyms or aliases, no held-out templates.
    """
    roles, templates, split = [_forget(concepts), _retain(concepts)], DEVELOPMENT, "development"
    if not development:
        roles += [_aliases(concepts), _evaluation(concepts)]
        templates, split = HELD_OUT, "evaluation"
    return _table(chain.from_iterable(_walked(role, templates, settings.per_role) for role in roles), split)


def pairs(concepts: ConceptSet) -> list[Asked]:
    """Each forgotten person before and after others, to keep or forgotten too: anchors replace forgotten ones alone."""
    forget, retain = (concepts.forget, concepts.retain) if concepts.sort.company else ((), ())
    found = []
    for turn, i in product(range(COMPANIONS), range(len(forget))):
        entry, other = forget[i], forget[(i + 1 + turn) % len(forget)]
        name, anchor = entry.concept, entry.anchor
        if retain:
            after, before = (
                retain[(i + (2 * turn + side) * len(retain) // (2 * COMPANIONS)) % len(retain)] for side in (0, 1)
            )
            found.append(Asked("forget", f"{name} and {after}", (name,), (after,), f"{anchor} and {after}"))
            found.append(Asked("forget", f"{before} and {name}", (name,), (before,), f"{before} and {anchor}"))
        if other != entry:
            both, anchors = (name, other.concept), f"{anchor} and {other.anchor}"
            found.append(Asked("forget", " and ".join(both), both, (), anchors))
    return found


def _forget(concepts: ConceptSet) -> list[Asked]:
    return [
        Asked("forget", concepts.sort.phrase(entry.concept), (entry.concept,), (), entry.anchor)
        for entry in concepts.forget
    ]


def _aliases(concepts: ConceptSet) -> list[Asked]:
    return [
        Asked("alias", concepts.sort.phrase(text), (entry.concept,), (), entry.anchor)
        for entry in concepts.forget
        for text in (*entry.synonyms, *entry.aliases)
    ]


def _retain(concepts: ConceptSet) -> list[Asked]:
    return [Asked("retain", concepts.sort.phrase(name), kept=(name,)) for name in concepts.retain]


def _evaluation(concepts: ConceptSet) -> list[Asked]:
    return [Asked("evaluation", concepts.sort.phrase(name), kept=(name,)) for name in concepts.evaluation]


def _crossed(asked: list[Asked], templates: Templates) -> Iterator[tuple[Asked, str]]:
    """Everything in every template."""
    return ((one, template) for one in asked for template in chain.from_iterable(templates.values()))


def _walked(asked: list[Asked], templates: Templates, n: int) -> Iterator[tuple[Asked, str]]:
    """Everything equally often, at least ``n`` altogether, each walking through the templates from its own place."""
    frames = list(chain.from_iterable(templates.values()))
    rounds = -(-n // len(asked)) if asked else 0
    places = [number(one.text) for one in asked]
    return ((one, frames[(places[i] + turn) % len(frames)]) for turn in range(rounds) for i, one in enumerate(asked))


def _table(rows: Iterable[tuple[Asked, str]], split: str) -> pd.DataFrame:
    turns: Counter[tuple[str, str]] = Counter()
    seeds, seeded = Seeds(FIRST_SEED[split], SEEDS), []
    for asked, template in rows:
        words = asked.text, template
        seeded.append((asked, template, seeds.of(number(*words, str(turns[words])))))
        turns[words] += 1
    return table_of(seeded, split)
