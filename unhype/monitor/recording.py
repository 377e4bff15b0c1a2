"""What a monitor learns from: the base's own pictures on their way, as the monitor will see them.

The base draws, and an onlooker writes down what it is shown; so what is learnt from is seen by the very code that looks
later. A block of pictures is a file: a recording that was stopped goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file

from unhype.adapters.looking import Drawn
from unhype.adapters.onlooker import looking_on
from unhype.families.family import Family
from unhype.files import write_tensors
from unhype.pictures.sampling import Sampling

BLOCK = 64
"""Pictures of a file."""


@dataclass(frozen=True)
class Looks:
    """Pictures on their way.

    Attributes:
        latents: z_0 as it was being drawn, float16 ``[n, looks, C, h, w]``.
        share: how far into the noise each look was, ``[looks]``.
    """

    latents: torch.Tensor
    share: torch.Tensor


def record(family: Family, table: pd.DataFrame, share: float, ways: Sequence[Sampling], folder: Path) -> Iterator[int]:
    """Draw the rows of a table (columns ``prompt``, ``seed``) that are missing; yields how many there are so far.

    Args:
        share: how far into the noise the first look is; every later call is one.
        ways: how they are drawn, by turns, with as many steps each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(table), BLOCK):
        path, rows = _path(folder, start), table.iloc[start : start + BLOCK]
        if not path.exists():
            seen = [_seen(family, rows.iloc[turn :: len(ways)], share, how) for turn, how in enumerate(ways)]
            place = np.argsort(np.concatenate([np.arange(len(rows))[turn :: len(ways)] for turn in range(len(ways))]))
            write_tensors(path, {"latents": torch.cat([x for x, _ in seen])[place], "share": seen[0][1]}, {})
        yield start + len(rows)


def _seen(family: Family, rows: pd.DataFrame, share: float, how: Sampling) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents of each row's looks, and how far into the noise these are."""
    notes = _Notes()
    with looking_on(family, share, notes.look):
        for _pictures in family.draw(list(rows["prompt"]), list(rows["seed"]), how):
            pass
    return notes.together()


def recorded(folder: Path, rows: int) -> Looks:
    """What :func:`record` wrote for so many rows."""
    blocks = [load_file(_path(folder, start)) for start in range(0, rows, BLOCK)]
    return Looks(torch.cat([block["latents"] for block in blocks]), blocks[0]["share"])


def _path(folder: Path, start: int) -> Path:
    return folder / f"{start:06d}.safetensors"


class _Notes:
    """Looks again and again, and writes down what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, torch.Tensor]] = []

    def look(self, family: Any, drawn: Drawn, seen: Sequence[Sequence[int]]) -> None:
        self.seen.append((float(family.share_of(drawn.times)[0]), drawn.latents.detach().half().cpu()))

    def together(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Looks of one batch after the other as looks of all: every batch has the same."""
        share = sorted({each for each, _ in self.seen}, reverse=True)
        latents = torch.stack([torch.cat([part for each, part in self.seen if each == one]) for one in share], 1)
        return latents, torch.tensor(share)
