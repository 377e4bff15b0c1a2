"""Marks of a made-up examination: which pictures go wrong is said by the test."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from unhype.gates.absolute import ALIAS, FORGET, MIXED, NEAR, UNSEEN, Measured
from unhype.gates.marks import GONE, KEPT, KEY

GROUPS = {(FORGET, GONE): 0, (ALIAS, GONE): 1, (UNSEEN, KEPT): 2, (NEAR, KEPT): 3, (MIXED, GONE): 4, (MIXED, KEPT): 5}
CONCEPTS, EACH = 20, 10
"""Concepts of a group, and pictures of each."""


def marks(wrong: Mapping[tuple[str, str], int] | None = None, faceless: int = 0) -> pd.DataFrame:
    """Of 200 pictures a group, so many of the first go wrong; of the forgotten's last, so many have no face."""
    rows = []
    for (group, side), place in GROUPS.items():
        bad = (wrong or {}).get((group, side), 0)
        for i in range(CONCEPTS * EACH):
            concept, seed = f"concept {i // EACH}", 1000 * place + i
            shown = (i < bad) == (side == GONE)
            counts = not (group == FORGET and i >= CONCEPTS * EACH - faceless)
            rows.append((group, side, concept, f"a photo of {concept}", seed, shown, True, counts, True))
    return pd.DataFrame(rows, columns=[*KEY, "shown", "shown_base", "counts", "counts_base"])


def measured(found: pd.DataFrame | None, drift: float | None = 0.001, **others: object) -> Measured:
    groups = {group: CONCEPTS * EACH for group, _ in GROUPS}
    return Measured(
        **{"groups": groups, "marks": found, "drift": drift, "faces": True, "attacks": {}, "absent": {}, **others}
    )  # type: ignore[arg-type]
