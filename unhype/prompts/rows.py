"""One schema for every table of prompts, whether it is trained on, examined or compared.

group                     what the row is asked for: a role (forget, retain, alias, evaluation) or a stratum
concept                   whose row it is: the first of ``erased``, or of ``kept`` where nothing must go
erased, kept              concepts that must go, concepts that must stay; several are joined by ``;``
text                      what stands in the sentence
anchor, anchor_prompt     training only: what takes the text's place, and the sentence with it
prompt, template          the sentence, and its frame
seed, split               of its picture; train, development or evaluation
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

COLUMNS = (
    "group",
    "concept",
    "erased",
    "kept",
    "text",
    "anchor",
    "prompt",
    "anchor_prompt",
    "template",
    "seed",
    "split",
)

SEPARATOR = ";"
"""Between several concepts in the columns ``erased`` and ``kept``."""

FIRST_SEED = {"train": 10_000_000, "development": 20_000_000, "evaluation": 30_000_000}
"""Seeds of a split's pictures start here: no picture of one split has the noise of another's."""

SEEDS = 5_000_000
"""So many seeds of a split are for the roles of :mod:`unhype.prompts.tables`; those of the strata lie behind them."""


@dataclass(frozen=True)
class Asked:
    """What one row asks for, before it stands in a sentence.

    Attributes:
        group: role or stratum.
        text: as it stands in the sentence.
        erased: concepts that must go.
        kept: concepts that must stay.
        anchor: what takes the text's place in training; empty where nothing is trained to.
    """

    group: str
    text: str
    erased: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    anchor: str = ""


def table_of(rows: Iterable[tuple[Asked, str, int]], split: str) -> pd.DataFrame:
    """The table of (what is asked, template, seed), columns :data:`COLUMNS`."""
    return pd.DataFrame(
        [
            (
                asked.group,
                (*asked.erased, *asked.kept)[0],
                SEPARATOR.join(asked.erased),
                SEPARATOR.join(asked.kept),
                asked.text,
                asked.anchor,
                template.format(asked.text),
                template.format(asked.anchor) if asked.anchor else "",
                template,
                seed,
                split,
            )
            for asked, template, seed in rows
        ],
        columns=list(COLUMNS),
    )


def named(cell: str) -> tuple[str, ...]:
    """The concepts in a cell of ``erased`` or ``kept``."""
    return tuple(cell.split(SEPARATOR)) if cell else ()
