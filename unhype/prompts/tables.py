"""From a concept set to tables of prompts: templates × concepts, with a seed for every picture. Same set and settings, same bytes.

Four tables. ``train`` has every forgotten concept in every training template; ``retain`` the same for the concepts to keep; ``pairs`` has forgotten
people beside others, who are kept or forgotten too; ``evaluation`` has all roles in held-out templates, with seeds of its own. Synonyms and aliases of
what is forgotten are evaluation alone: they ask whether erasure generalises.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from unhype.files import write_text
from unhype.prompts.templates import DEVELOPMENT, HELD_OUT, TRAINING, Templates

if TYPE_CHECKING:
    from unhype.concepts.kinds import Kind
    from unhype.concepts.schema import ConceptSet

COLUMNS = ("concept", "text", "role", "anchor", "prompt", "anchor_prompt", "template", "seed", "split")

FIRST_SEED = {"train": 10_000_000, "development": 20_000_000, "evaluation": 30_000_000}
"""Seeds of a split's pictures start here: no picture of one split has the noise of another's."""


COMPANY = 4
"""How many people to keep each forgotten one stands before, and behind; and how many forgotten ones it stands before."""


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
        "train": _table(_crossed(_forget(concepts), TRAINING), concepts.sort, "train"),
        "retain": _table(_crossed(_retain(concepts), TRAINING), concepts.sort, "train"),
        "pairs": _table(_walked(beside, TRAINING, len(beside)), concepts.sort, "train"),
    }


def evaluation_table(concepts: ConceptSet, settings: PromptSettings, development: bool = False) -> pd.DataFrame:
    """The ``evaluation`` table; for tuning, the ``development`` one: no evaluation names, no synonyms or aliases, no held-out templates."""
    roles = [_forget(concepts), _retain(concepts)]
    if development:
        return _table(
            chain.from_iterable(_walked(role, DEVELOPMENT, settings.per_role) for role in roles),
            concepts.sort,
            "development",
        )
    roles += [_aliases(concepts), [(name, name, "evaluation", "") for name in concepts.evaluation]]
    return _table(
        chain.from_iterable(_walked(role, HELD_OUT, settings.per_role) for role in roles), concepts.sort, "evaluation"
    )


def write_tables(concepts: ConceptSet, settings: PromptSettings, folder: Path) -> dict[str, pd.DataFrame]:
    """All tables, and as CSV files in a folder."""
    tables = {**training_tables(concepts), "evaluation": evaluation_table(concepts, settings)}
    for name, table in tables.items():
        write_text(folder / f"{name}.csv", table.to_csv(index=False))
    return tables


Line = tuple[str, str, str, str]
"""(concept, text, role, anchor)."""


def _forget(concepts: ConceptSet) -> list[Line]:
    return [(entry.concept, entry.concept, "forget", entry.anchor) for entry in concepts.forget]


def _aliases(concepts: ConceptSet) -> list[Line]:
    return [
        (entry.concept, text, "alias", entry.anchor)
        for entry in concepts.forget
        for text in (*entry.synonyms, *entry.aliases)
    ]


def _retain(concepts: ConceptSet) -> list[Line]:
    return [(name, name, "retain", "") for name in concepts.retain]


def pairs(concepts: ConceptSet) -> list[Line]:
    """Each forgotten person before and after others, to keep or forgotten too: the anchor takes the place of each forgotten one alone."""
    forget, retain = (concepts.forget, concepts.retain) if concepts.sort.company else ((), ())
    lines = []
    for turn, i in product(range(COMPANY), range(len(forget))):
        entry, other = forget[i], forget[(i + 1 + turn) % len(forget)]
        if retain:
            after, before = (
                retain[(i + (2 * turn + side) * len(retain) // (2 * COMPANY)) % len(retain)] for side in (0, 1)
            )
            lines.append((entry.concept, f"{entry.concept} and {after}", "forget", f"{entry.anchor} and {after}"))
            lines.append((entry.concept, f"{before} and {entry.concept}", "forget", f"{before} and {entry.anchor}"))
        if other != entry:
            lines.append(
                (entry.concept, f"{entry.concept} and {other.concept}", "forget", f"{entry.anchor} and {other.anchor}")
            )
    return lines


def _crossed(lines: list[Line], templates: Templates) -> Iterator[tuple[Line, str]]:
    """Every line in every template."""
    return ((line, template) for line in lines for template in chain.from_iterable(templates.values()))


def _walked(lines: list[Line], templates: Templates, n: int) -> Iterator[tuple[Line, str]]:
    """Every line equally often, at least ``n`` altogether, each walking through the templates from a place of its own."""
    frames = list(chain.from_iterable(templates.values()))
    rounds = -(-n // len(lines)) if lines else 0
    return ((line, frames[(i + turn) % len(frames)]) for turn in range(rounds) for i, line in enumerate(lines))


def _table(rows: Iterable[tuple[Line, str]], kind: Kind, split: str) -> pd.DataFrame:
    first = FIRST_SEED[split]
    return pd.DataFrame(
        [
            (
                concept,
                text,
                role,
                anchor,
                template.format(kind.phrase(text)),
                template.format(anchor) if anchor else "",
                template,
                first + i,
                split,
            )
            for i, ((concept, text, role, anchor), template) in enumerate(rows)
        ],
        columns=list(COLUMNS),
    )
