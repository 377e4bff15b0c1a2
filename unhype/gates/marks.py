"""Marks: for each picture and each concept that its prompt names, whether a judge sees it. All that gates look at.

group              of the row: a role (forget, alias, evaluation) or a stratum (near_miss, forgotten_and_retained)
side               "gone" or "kept": what must become of the concept
concept, prompt, seed
shown, shown_base  the judge sees it under guard, in the base's own picture
counts, counts_base    the picture can show it: of people that must go, those with a face; all others
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from unhype.judges.judge import Seen
from unhype.prompts.rows import named

GONE, KEPT = "gone", "kept"

KEY = ["group", "side", "concept", "prompt", "seed"]
"""Columns that make two marks the same question."""


def marks_of(
    rows: pd.DataFrame, guarded: Sequence[Seen], bare: Sequence[Seen], faces: bool, known: Collection[str]
) -> pd.DataFrame:
    """The marks of a table of prompts.

    Args:
        rows: see :mod:`unhype.prompts.rows`; what was seen is in their order.
        faces: whether only pictures with a face can show what must go.
        known: concepts that the judge can tell; of others there are no marks.
    """
    found = []
    for row, now, before in zip(rows.to_dict("records"), guarded, bare, strict=True):
        for side, column in ((GONE, "erased"), (KEPT, "kept")):
            needs_face = faces and side == GONE
            for concept in named(str(row[column])):
                if concept in known:
                    shown, could = concept in now.concepts, now.face or not needs_face
                    was, could_be = concept in before.concepts, before.face or not needs_face
                    asked = (row["group"], side, concept, row["prompt"], int(row["seed"]))
                    found.append((*asked, shown, was, could, could_be))
    return pd.DataFrame(found, columns=[*KEY, "shown", "shown_base", "counts", "counts_base"])
