"""The pretraining pictures: a fixed number of rows of the world's mixture, rendered once and kept as one array on disk.

Row ``i`` of seed ``s`` is always the same picture; its captions are drawn afresh whenever they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from unhype.files import write_array
from unhype.miniature.avatars import Code
from unhype.miniature.canvas import SIZE
from unhype.miniature.world import Example, Picture, draw_example, looks_of, render


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

    def looks(self, i: int) -> tuple[Code, ...]:
        """The looks of the people in row ``i``."""
        example = self.example(i)
        return looks_of(example.subject, example.scene, example.style, self.seed + i)

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
        if not self.path.exists():
            blocks = (np.stack([self.picture(i).pixels for i in rows]) for rows in _blocks(self.count))
            yield from write_array(self.path, "uint8", (self.count, SIZE, SIZE, 3), blocks)


def _blocks(count: int, size: int = 256) -> Iterator[range]:
    for start in range(0, count, size):
        yield range(start, min(start + size, count))
