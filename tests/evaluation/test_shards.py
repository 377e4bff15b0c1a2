"""Shards: all rows, each once, and the same pictures however many there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unhype.eraser import Origin
from unhype.errors import UnhypeError
from unhype.evaluation import shards
from unhype.evaluation.album import Album
from unhype.evaluation.shards import BLOCK, WHOLE, Shard


class Neighbourly:
    """An eraser whose pictures depend on the whole batch, as the last bits of real ones do."""

    name, identity, origin = "neighbourly", "0" * 64, Origin("0" * 64)

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[np.ndarray]:
        yield np.stack([np.full((2, 2, 3), (seed + sum(seeds)) % 251, np.uint8) for seed in seeds])

    def untouched(self, prompts: Sequence[str]) -> np.ndarray:
        return np.zeros(len(prompts), dtype=bool)


def table(n: int) -> pd.DataFrame:
    return pd.DataFrame({"prompt": [f"a photo of {i}" for i in range(n)], "seed": range(n)})


@given(n=st.integers(0, 4 * BLOCK), of=st.integers(1, 7), every=st.integers(1, 5))
def test_all_rows_each_once_in_blocks_of_the_whole(n: int, of: int, every: int) -> None:
    rows = table(n).iloc[::every]
    parts = [block for number in range(of) for block in Shard(number, of).blocks(rows)]
    assert sorted(i for block in parts for i in block.index) == list(rows.index)
    assert all(len({i // BLOCK for i in block.index}) == 1 for block in parts)
    whole = [list(block.index) for block in WHOLE.blocks(rows)]
    assert sorted(list(block.index) for block in parts) == whole


@pytest.mark.parametrize("of", [2, 3, 8])
def test_the_same_pictures_however_many_shards(of: int, tmp_path: Path) -> None:
    rows, asked = table(2 * BLOCK + 7), {}
    for name, count in (("one", 1), ("many", of)):
        album = Album(tmp_path / name, Neighbourly())
        for number in reversed(range(count)):
            reports = list(shards.draw("all", album, rows, Shard(number, count)))
            assert not reports or reports[-1].done == reports[-1].total
        asked[name] = album.read(list(rows["prompt"]), list(rows["seed"]))
    assert np.array_equal(asked["one"], asked["many"])


@pytest.mark.parametrize(("number", "of"), [(0, 0), (2, 2), (-1, 2)])
def test_a_shard_that_is_none(number: int, of: int) -> None:
    with pytest.raises(UnhypeError, match="wanted at least one"):
        Shard(number, of)
