"""An album: drawn pictures on disk, each under a name that says everything that shaped it. Nothing is drawn twice.

<folder>/<identity of the eraser>/<hash of prompt and seed>.png        <folder>/<identity>/manifest.csv

The manifest says of each picture what it was asked for, by which base and guard it was drawn, and its bytes' hash.
Pictures are read back in batches: a table of two thousand pictures of 1024² would fill 6 GB.
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
from unhype.errors import UnhypeError
from unhype.files import describe, sha256, write_text, write_whole

BATCH = 64
"""Pictures that are asked for, and read, at once; a drawing that is interrupted loses at most so many."""

COLUMNS = ("file", "prompt", "seed", "eraser", "base", "guard", "sha256")
"""Of a manifest: ``eraser``, ``base`` and ``guard`` are hashes, ``guard`` empty for the base's own pictures."""


class Album:
    """The pictures of one eraser."""

    def __init__(self, folder: Path, eraser: Eraser) -> None:
        self.folder, self.eraser = folder / f"{eraser.name}-{eraser.identity[:12]}", eraser

    def path(self, prompt: str, seed: int) -> Path:
        """Where a picture lies."""
        return self.folder / f"{hashlib.sha256(f'{seed} {prompt}'.encode()).hexdigest()[:20]}.png"

    def draw(self, prompts: Sequence[str], seeds: Sequence[int], bare: Album | None = None) -> Iterator[int]:
        """Draw what is missing, and list it; yields how many pictures there are so far.

        Args:
            bare: the base's own pictures, which are taken over where this eraser would draw the very same.
        """
        asked_for = list(zip(prompts, map(int, seeds), strict=True))
        listed = self._listed()
        before = {path for path in (self.path(*one) for one in asked_for) if path in listed and path.exists()}
        if bare:
            self._adopt(bare, asked_for)
        missing = [one for one in asked_for if not self.path(*one).exists()]
        done = len(prompts) - len(missing)
        yield done
        for start in range(0, len(missing), BATCH):
            asked = missing[start : start + BATCH]
            pictures = (
                picture for batch in self.eraser.draw([p for p, _ in asked], [s for _, s in asked]) for picture in batch
            )
            for (prompt, seed), picture in zip(asked, pictures, strict=True):
                write_whole(self.path(prompt, seed), partial(Image.fromarray(picture).save, format="PNG"))
                done += 1
                yield done
        self._list([one for one in asked_for if self.path(*one) not in before])

    def _adopt(self, bare: Album, asked: Sequence[tuple[str, int]]) -> None:
        there = [one for one in asked if bare.path(*one).exists() and not self.path(*one).exists()]
        for start in range(0, len(there), BATCH):
            part = there[start : start + BATCH]
            for one, same in zip(part, self.eraser.untouched([prompt for prompt, _ in part]), strict=True):
                if same:
                    write_whole(self.path(*one), partial(shutil.copyfile, bare.path(*one)))

    def batches(self, prompts: Sequence[str], seeds: Sequence[int], parts: int | None = None) -> Iterator[np.ndarray]:
        """The pictures in order, ``uint8 [n, height, width, 3]``, :data:`BATCH` at a time.

        Args:
            parts: so many batches, as equal as can be, in place of batches of :data:`BATCH`.

        Raises:
            UnhypeError: a picture is not there, can't be read, or has another size than the first; before the first
                batch, from the heads of the files.
        """
        paths = [self.path(prompt, int(seed)) for prompt, seed in zip(prompts, seeds, strict=True)]
        _check_sizes(paths)
        for places in np.array_split(np.arange(len(paths)), parts or list(range(BATCH, len(paths), BATCH))):
            if len(places):
                yield np.stack([_pixels(paths[i]) for i in places])

    def read(self, prompts: Sequence[str], seeds: Sequence[int]) -> np.ndarray:
        """A few pictures at once, ``uint8 [n, height, width, 3]``; for whole tables see :meth:`batches`."""
        return np.concatenate(list(self.batches(prompts, seeds)))

    @property
    def manifest_path(self) -> Path:
        """Columns :data:`COLUMNS`, a row for every picture that was asked for so far."""
        return self.folder / "manifest.csv"

    def _rows(self) -> pd.DataFrame:
        try:
            rows = pd.read_csv(self.manifest_path, dtype=str, keep_default_na=False)
        except (FileNotFoundError, pd.errors.ParserError, pd.errors.EmptyDataError):
            rows = pd.DataFrame(columns=list(COLUMNS))
        # Of another form: what is asked for is listed anew.
        return rows if tuple(rows.columns) == COLUMNS else pd.DataFrame(columns=list(COLUMNS))

    def _listed(self) -> set[Path]:
        return {self.folder / name for name in self._rows()["file"]}

    def _list(self, asked: Sequence[tuple[str, int]]) -> None:
        """Add pictures that were just drawn, or that lie here without being listed."""
        if not asked:
            return
        new = manifest(self.eraser, [self.path(*one) for one in asked], asked)
        rows = pd.concat([self._rows(), new]).drop_duplicates("file", keep="last")
        write_text(self.manifest_path, rows.to_csv(index=False))


def manifest(eraser: Eraser, paths: Sequence[Path], asked: Sequence[tuple[str, int]]) -> pd.DataFrame:
    """A row for every picture, columns :data:`COLUMNS`, all text.

    Args:
        asked: prompt and seed of each.
    """
    by = eraser.identity, eraser.origin.base, eraser.origin.guard
    rows = [
        (path.name, prompt, str(seed), *by, sha256(path)) for path, (prompt, seed) in zip(paths, asked, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _check_sizes(paths: Sequence[Path]) -> None:
    first = None
    for path in paths:
        try:
            with Image.open(path) as picture:
                size = picture.size
        except OSError as error:
            raise UnhypeError(describe(error, path)) from error
        first = first or size
        if size != first:
            raise UnhypeError(
                f"got a picture of {size[0]} × {size[1]} beside one of {first[0]} × {first[1]}, wanted one size "
                f"in a table, in {path}: delete it, and it is drawn again"
            )


def _pixels(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except OSError as error:
        raise UnhypeError(describe(error, path)) from error
