"""What a monitor learns from: the base's own pictures on their way, as the monitor will see them.

A block of pictures is a file: a recording that was stopped goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file

from unhype.families.family import Family
from unhype.files import write_tensors
from unhype.monitor.features import view
from unhype.pictures.sampling import Sampling

BLOCK = 64
"""Pictures of a file."""


@dataclass(frozen=True)
class Looks:
    """Pictures on their way.

    Attributes:
        latents: z_0 as it was being drawn, float16 ``[n, C, h, w]``.
        features, clean: the base's view of them (:class:`~unhype.monitor.features.View`), float16.
    """

    latents: torch.Tensor
    features: torch.Tensor
    clean: torch.Tensor


def record(family: Family, table: pd.DataFrame, share: float, ways: Sequence[Sampling], folder: Path) -> Iterator[int]:
    """Draw the rows of a table that are missing; yields how many there are so far.

    Args:
        table: columns ``prompt``, ``other``, ``part`` and ``seed``, see :mod:`.rows`.
        share: how far into the noise it is looked at: at the first call that comes so far, or the last there is.
        ways: how they are drawn, by turns.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(table), BLOCK):
        path, rows = _path(folder, start), table.iloc[start : start + BLOCK]
        if not path.exists():
            seen: dict[int, torch.Tensor] = {}
            for turn, how in enumerate(ways):
                places = range(turn, len(rows), len(ways))
                for first in range(0, len(places), how.batch):
                    part = places[first : first + how.batch]
                    seen |= zip(part, drawn(family, rows.iloc[list(part)], share, how), strict=True)
            latents = torch.stack([seen[place] for place in range(len(rows))])
            views = [view(family, part) for part in latents.split(max(how.batch for how in ways))]
            looks = Looks(latents, *(torch.cat(parts) for parts in zip(*views, strict=True)))
            write_tensors(path, {name: tensor.half().cpu() for name, tensor in vars(looks).items()}, {})
        yield start + len(rows)


@torch.no_grad()
def drawn(family: Family, rows: pd.DataFrame, share: float, how: Sampling) -> torch.Tensor:
    """z_0 of each row as it is being drawn, float32 ``[n, C, h, w]``: by the sampler's own path, up to the look."""
    n, path = len(rows), family.trajectory(how.steps)
    part = torch.tensor(rows["part"].to_numpy(np.float32))
    text = family.encode(list(rows["prompt"])).blended(family.encode(list(rows["other"])), part)
    empty = family.unconditional(n)
    noise = [torch.randn(1, *family.latent_shape, generator=_generator(seed)) for seed in rows["seed"]]
    latents = path.start(torch.cat(noise).to(family.device))
    for place, time in enumerate(path.times):
        seen, times = path.seen(latents, place), time.expand(n)
        if place == len(path.times) - 1 or float(family.share_of(time[None])) <= share:
            break
        latents = path.step(family.guided(seen, times, text, empty, how.guidance), place, latents)
    return family.clean(seen, times, family.predict(seen, times, text))


def recorded(folder: Path, rows: int) -> Looks:
    """What :func:`record` wrote for so many rows."""
    blocks = [load_file(_path(folder, start)) for start in range(0, rows, BLOCK)]
    return Looks(*(torch.cat([block[field.name] for block in blocks]) for field in fields(Looks)))


def _path(folder: Path, start: int) -> Path:
    return folder / f"{start:06d}.safetensors"


def _generator(seed: Any) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(int(seed))
