"""Albums: drawn once, read back to the bit, named by everything that shaped a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from unhype.eraser import Origin, identity
from unhype.errors import UnhypeError
from unhype.evaluation.album import Album
from unhype.files import sha256
from unhype.pictures.sampling import Sampling


class Painter:
    """Draws its seed, counts what it is asked for, and stops after so many."""

    name, origin = "painter", Origin("the base", "the guard")

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


def test_what_the_base_draws_alone_is_taken_over_a_few_prompts_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Guarded(Painter):
        def untouched(self, prompts: Sequence[str]) -> np.ndarray:
            asked.append(len(prompts))
            return np.array([prompt != "b" for prompt in prompts])

    asked: list[int] = []
    monkeypatch.setattr("unhype.evaluation.album.BATCH", 2)
    bare, guarded = Album(tmp_path, Painter()), Guarded("y")
    list(bare.draw(list("abc"), [1, 2, 3]))
    list(Album(tmp_path, guarded).draw(list("abcd"), [1, 2, 3, 4], bare))
    assert asked == [2, 1], "of those that the base has drawn, two at a time"
    assert guarded.asked == 2, "b, which it changes, and d, which the base has not drawn"


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


def named(base: str, how: Sampling, *others: object, dtype: torch.dtype = torch.float32) -> str:
    return identity(SimpleNamespace(dtype=dtype), base, how, *others)  # type: ignore[arg-type]


def test_identity_holds_what_shapes_a_picture_and_nothing_else() -> None:
    assert named("base", Sampling(batch=4)) == named("base", Sampling(batch=16))
    assert (
        len(
            {
                named("base", Sampling()),
                named("other", Sampling()),
                named("base", Sampling(steps=9)),
                named("base", Sampling(), "guard"),
                named("base", Sampling(), dtype=torch.bfloat16),
            }
        )
        == 5
    )


def test_pictures_come_in_batches_and_never_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    album, prompts, seeds = Album(tmp_path, Painter()), ["a"] * 150, list(range(150))
    list(album.draw(prompts, seeds))
    whole = album.read(prompts, seeds)
    assert whole[:, 0, 0, 0].tolist() == seeds
    assert [len(batch) for batch in album.batches(prompts, seeds)] == [64, 64, 22]
    for parts in (1, 4, 7):
        split = list(album.batches(prompts, seeds, parts))
        assert all((a == b).all() for a, b in zip(split, np.array_split(whole, parts), strict=True))
    opened = []
    monkeypatch.setattr("unhype.evaluation.album._pixels", lambda path: opened.append(path) or whole[0])
    next(album.batches(prompts, seeds))
    assert len(opened) == 64


def test_pictures_of_two_sizes_are_refused_before_the_first_batch(tmp_path: Path) -> None:
    album = Album(tmp_path, Painter())
    list(album.draw(["a"] * 70, list(range(70))))
    Image.new("RGB", (8, 4)).save(album.path("a", 69))
    with pytest.raises(UnhypeError, match=f"8 × 4 beside one of 4 × 4.*{album.path('a', 69).name}"):
        next(album.batches(["a"] * 70, list(range(70))))


def test_a_picture_that_is_not_there_or_broken_is_one_line(tmp_path: Path) -> None:
    album = Album(tmp_path, Painter())
    with pytest.raises(UnhypeError, match="got no file"):
        album.read(["a"], [1])
    list(album.draw(["a"], [1]))
    album.path("a", 1).write_bytes(album.path("a", 1).read_bytes()[:50])
    with pytest.raises(UnhypeError, match="could not use") as error:
        album.read(["a"], [1])
    assert "\n" not in str(error.value)


def listed(album: Album) -> dict[str, str]:
    """File → the hash that the manifest tells."""
    rows = pd.read_csv(album.manifest_path, dtype=str)
    assert set(rows["base"]) == {"the base"}
    assert set(rows["guard"]) == {"the guard"}
    assert set(rows["eraser"]) == {album.eraser.identity}
    assert list(rows["file"]) == [
        album.path(prompt, int(seed)).name for prompt, seed in zip(rows["prompt"], rows["seed"], strict=True)
    ]
    return dict(zip(rows["file"], rows["sha256"], strict=True))


def test_the_manifest_joins_what_was_asked_for_with_the_file_and_its_bytes(tmp_path: Path) -> None:
    album = Album(tmp_path, Painter())
    list(album.draw(['a, "b"', "nan"], [1, 2]))
    list(album.draw(["nan", "c", "c"], [2, 3, 3]))
    found = listed(album)
    assert found == {path.name: sha256(path) for path in album.folder.glob("*.png")}
    assert len(found) == 3
    before = album.manifest_path.stat().st_mtime_ns
    list(album.draw(["nan"], [2]))
    assert album.manifest_path.stat().st_mtime_ns == before, "nothing new, nothing written"


def test_the_manifest_heals(tmp_path: Path) -> None:
    """What was drawn before a stop, what is drawn again and a manifest of another form are all listed in the end."""
    with pytest.raises(KeyboardInterrupt):
        list(Album(tmp_path, Painter(stop=2)).draw(list("abc"), [1, 2, 3]))
    album = Album(tmp_path, Painter())
    list(album.draw(list("abc"), [1, 2, 3]))
    assert len(listed(album)) == 3
    album.path("a", 1).write_bytes(b"other")
    assert listed(album)[album.path("a", 1).name] != sha256(album.path("a", 1)), "an exchanged picture shows"
    album.path("a", 1).unlink()
    list(album.draw(["a"], [1]))
    assert listed(album)[album.path("a", 1).name] == sha256(album.path("a", 1))
    for text in ("", "prompt,file\na,b\n", 'file,"'):
        album.manifest_path.write_text(text)
        list(album.draw(["b"], [2]))
        assert set(listed(album)) == {album.path("b", 2).name}
