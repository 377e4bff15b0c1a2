"""The pretraining pictures: a fixed number of rows of the world's mixture, rendered once and kept as one array on disk.

Row ``i`` of seed ``s`` is always the same picture; its captions are drawn afresh whenever they are asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from unhype.miniature.canvas import SIZE
from unhype.miniature.world import Example, Picture, draw_example, render


@dataclass(frozen=True)
class Pictures:
    """``count`` rendered rows of the mixture under ``folder``."""

    folder: Path
    count: int
    seed: int

    def example(self, i: int) -> Example:
        """What row ``i`` shows."""
        return draw_example(np.random.default_rng([self.seed, i]))

    def picture(self, i: int) -> Picture:
        """Row ``i``, rendered with its truth."""
        example = self.example(i)
        return render(example.subject, example.scene, example.style, seed=self.seed + i)

    @property
    def path(self) -> Path:
        return self.folder / f"pictures-{self.seed}-{self.count}.npy"

    @cached_property
    def pixels(self) -> np.ndarray:
        """``uint8 [count, 64, 64, 3]``, mapped from disk; call :meth:`render_all` first."""
        return np.load(self.path, mmap_mode="r")

    def captions(self, rows: np.ndarray, rng: np.random.Generator) -> list[str]:
        """A random training caption for each row."""
        return [self.example(int(i)).caption(rng) for i in rows]

    def render_all(self) -> Iterator[int]:
        """Render every row to disk unless that was done before; yields the number of rows done."""
        if self.path.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(self.count, SIZE, SIZE, 3))
        for i in range(self.count):
            array[i] = self.picture(i).pixels
            if (i + 1) % 256 == 0:
                yield i + 1
        array.flush()
        del array
        os.replace(partial, self.path)
        yield self.count
