"""Albums: drawn once, read back to the bit, named by everything that shaped a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unhype.eraser import identity
from unhype.evaluation.album import Album
from unhype.pictures.sampling import Sampling


class Painter:
    """Draws its seed, counts what it is asked for, and stops after so many."""

    name = "painter"

    def __init__(self, mark: str = "x", stop: int = 10**9) -> None:
        self.identity, self.asked, self.stop = mark * 20, 0, stop

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[np.ndarray]:
        for seed in seeds:
            if self.asked == self.stop:
                raise KeyboardInterrupt
            self.asked += 1
            yield np.full((1, 4, 4, 3), seed % 256, dtype=np.uint8)


def test_what_was_drawn_once_is_never_drawn_again(tmp_path: Path) -> None:
    painter = Painter()
    album = Album(tmp_path, painter)
    assert list(album.draw(["a", "b"], [1, 2])) == [0, 1, 2]
    assert list(album.draw(["b", "c"], [2, 3])) == [1, 2]
    assert painter.asked == 3
    assert album.read(["c", "a"], [3, 1])[:, 0, 0, 0].tolist() == [3, 1]


def test_an_interrupted_album_goes_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        list(Album(tmp_path, Painter(stop=2)).draw(list("abc"), [1, 2, 3]))
    again = Painter()
    list(Album(tmp_path, again).draw(list("abc"), [1, 2, 3]))
    assert again.asked == 1
    assert not list(tmp_path.rglob("*.partial"))


def test_another_eraser_has_another_album(tmp_path: Path) -> None:
    one, other = Album(tmp_path, Painter("x")), Album(tmp_path, Painter("y"))
    list(one.draw(["a"], [1]))
    assert list(other.draw(["a"], [1])) == [0, 1]


def test_identity_holds_what_shapes_a_picture_and_nothing_else() -> None:
    assert identity("base", Sampling(batch=4)) == identity("base", Sampling(batch=16))
    assert (
        len(
            {
                identity("base", Sampling()),
                identity("other", Sampling()),
                identity("base", Sampling(steps=9)),
                identity("base", Sampling(), "guard"),
            }
        )
        == 4
    )


def test_the_manifest_names_every_file(tmp_path: Path) -> None:
    album = Album(tmp_path, Painter())
    table = pd.DataFrame({"prompt": ["a", "b"], "seed": [1, 2]})
    list(album.draw(list(table["prompt"]), list(table["seed"])))
    manifest = pd.read_csv(album.write_manifest(table))
    assert all((album.folder / name).exists() for name in manifest["file"])
