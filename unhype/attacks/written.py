"""Names in sentences as people write them: 20 words and more, English and five languages; a table of prompts.

Nobody searches. A forgotten name must go there as it does in a short template; and somebody who stays must stay, though
the hundred phrases of such a sentence are a hundred chances that the switch opens for nobody. Held-out sentences of
:mod:`unhype.prompts.sentences`, each with every name; nothing was trained or tuned on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import numpy as np
import pandas as pd

from unhype.concepts.schema import ConceptSet
from unhype.errors import UnhypeError
from unhype.prompts.rows import FIRST_SEED, SEEDS, Asked, table_of
from unhype.prompts.sentences import SENTENCES

FORGOTTEN, STAYS = "forgotten", "stays"
"""Whom a sentence is about."""

SEEDS_FROM = SEEDS + 4_700_000
"""Seeds start so far behind the evaluation's first, beyond those of img2img."""


def check_people(concepts: ConceptSet) -> None:
    """Refuse a set of anything but people: all the sentences are about somebody.

    Raises:
        UnhypeError: see above.
    """
    if not concepts.sort.faces:
        raise UnhypeError(
            f"got --method written for {concepts.name}, a set of {concepts.kind}, wanted people: its sentences are "
            "about somebody"
        )


def who_stays(concepts: ConceptSet, n: int, seed: int) -> list[str]:
    """At most n of the names that a set has for its evaluation, which training never saw, in the order of the list."""
    names = list(concepts.evaluation)
    return [names[i] for i in sorted(np.random.default_rng(seed).permutation(len(names))[:n])]


def written(names: Sequence[str], stays: Sequence[str]) -> pd.DataFrame:
    """A row for each language, sentence and name, columns :data:`unhype.prompts.rows.COLUMNS`; each has its own seed.

    ``group`` is who and the language: ``forgotten, english``.

    Args:
        names: that must go.
        stays: that must stay; may be empty.
    """
    seeds = count(FIRST_SEED["evaluation"] + SEEDS_FROM)
    rows = []
    for kind, who in ((FORGOTTEN, names), (STAYS, stays)):
        for language, halves in SENTENCES.items():
            for sentence in halves["held_out"]:
                for name in who:
                    erased, kept = ((name,), ()) if kind == FORGOTTEN else ((), (name,))
                    rows.append((Asked(f"{kind}, {language}", name, erased, kept), sentence, next(seeds)))
    return table_of(rows, "evaluation")


def of_kind(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The rows about those who must go, or about those who must stay."""
    return table[table["group"].str.startswith(f"{kind}, ")]
