"""From a list to its prompt tables on the disk, checked before a byte is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from unhype.prompts import stored
from unhype.prompts.checking import check_tables
from unhype.prompts.tables import PromptSettings, evaluation_table, training_tables

if TYPE_CHECKING:
    from unhype.concepts.schema import ConceptSet


def write_prompts(
    concepts: ConceptSet, settings: PromptSettings, folder: Path, overwrite: bool = False
) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """Bring a folder of tables up to date; what somebody edited there stays.

    Args:
        overwrite: write everything anew, whatever was edited.

    Returns:
        The tables that hold, and the names of those that were edited.

    Raises:
        UnhypeError: a rule is broken, or see :func:`unhype.prompts.stored.holding`; the folder stays as it was.
    """
    fresh = {**training_tables(concepts), "evaluation": evaluation_table(concepts, settings)}
    held = fresh if overwrite else stored.holding(folder, fresh)
    check_tables(concepts, held, folder)
    return held, stored.write(folder, fresh, held)
