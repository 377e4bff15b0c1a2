"""An album: drawn pictures on disk, each under a name that says everything that shaped it. What was drawn once is never drawn again.

<folder>/<identity of the eraser>/<hash of prompt and seed>.png        <folder>/<identity>/manifest.csv
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from unhype.eraser import Eraser
from unhype.files import write_text, write_whole

LOT = 64
"""Pictures that are asked for at once; what is interrupted loses at most so many."""


class Album:
    """The pictures of one eraser."""

    def __init__(self, folder: Path, eraser: Eraser) -> None:
        self.folder, self.eraser = folder / f"{eraser.name}-{eraser.identity[:12]}", eraser

    def path(self, prompt: str, seed: int) -> Path:
        """Where a picture lies."""
        return self.folder / f"{hashlib.sha256(f'{seed} {prompt}'.encode()).hexdigest()[:20]}.png"

    def draw(self, prompts: Sequence[str], seeds: Sequence[int], bare: Album | None = None) -> Iterator[int]:
        """Draw what is missing; yields how many pictures there are so far.

        Args:
            bare: the base's own pictures, which are taken over where this eraser would draw the very same.
        """
        if bare:
            self._adopt(bare, prompts, seeds)
        missing = [(p, int(s)) for p, s in zip(prompts, seeds, strict=True) if not self.path(p, int(s)).exists()]
        done = len(prompts) - len(missing)
        yield done
        for start in range(0, len(missing), LOT):
            lot = missing[start : start + LOT]
            pictures = (
                picture for batch in self.eraser.draw([p for p, _ in lot], [s for _, s in lot]) for picture in batch
            )
            for (prompt, seed), picture in zip(lot, pictures, strict=True):
                write_whole(self.path(prompt, seed), partial(Image.fromarray(picture).save, format="PNG"))
                done += 1
                yield done

    def _adopt(self, bare: Album, prompts: Sequence[str], seeds: Sequence[int]) -> None:
        for prompt, seed, same in zip(prompts, seeds, self.eraser.untouched(prompts), strict=True):
            path, source = self.path(prompt, int(seed)), bare.path(prompt, int(seed))
            if same and source.exists() and not path.exists():
                write_whole(path, partial(shutil.copyfile, source))

    def read(self, prompts: Sequence[str], seeds: Sequence[int]) -> np.ndarray:
        """The pictures, ``uint8 [n, height, width, 3]``."""
        pixels = []
        for prompt, seed in zip(prompts, seeds, strict=True):
            with Image.open(self.path(prompt, int(seed))) as picture:
                pixels.append(np.asarray(picture.convert("RGB")))
        return np.stack(pixels)

    def write_manifest(self, table: pd.DataFrame) -> Path:
        """The table with a column ``file``, beside the pictures."""
        files = [self.path(p, s).name for p, s in zip(table["prompt"], table["seed"], strict=True)]
        write_text(self.folder / "manifest.csv", table.assign(file=files).to_csv(index=False))
        return self.folder / "manifest.csv"
