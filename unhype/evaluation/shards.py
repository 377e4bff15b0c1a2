"""A table of prompts in shards, for machines that draw and judge beside each other: the same pictures, however many.

A picture's last bits depend on those that are drawn in one batch with it. So a table is cut into blocks that do not
depend on the number of shards, and a shard takes every so many of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from unhype.errors import UnhypeError
from unhype.evaluation.album import Album
from unhype.progress import Progress

BLOCK = 256
"""Rows of a block: a few batches, and few enough for a table of two thousand to keep eight machines busy."""


@dataclass(frozen=True)
class Shard:
    """Every ``of``-th block of a table, from the ``number``-th on; the whole table where nothing is said."""

    number: int = 0
    of: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.of:
            raise UnhypeError(f"got the shard {self.number} of {self.of}, wanted at least one, counted from 0")

    def blocks(self, table: pd.DataFrame) -> list[pd.DataFrame]:
        """Its rows, a block each.

        Args:
            table: with its rows counted from 0, or some rows of such a table: blocks are those of the whole.
        """
        blocks = table.groupby(table.index // BLOCK, sort=True)
        return [rows for number, rows in blocks if int(str(number)) % self.of == self.number]


WHOLE = Shard()


def draw(
    part: str, album: Album, table: pd.DataFrame, shard: Shard = WHOLE, bare: Album | None = None
) -> Iterator[Progress]:
    """Draw what is missing of a shard.

    Args:
        part: what is being drawn, for the bar.
        bare: see :meth:`unhype.evaluation.album.Album.draw`.
    """
    blocks = shard.blocks(table)
    before, total = 0, sum(map(len, blocks))
    for rows in blocks:
        for done in album.draw(list(rows["prompt"]), list(rows["seed"]), bare):
            yield Progress(part, before + done, total)
        before += len(rows)
