"""Counting pictures by their manifests, on made-up ones; the small picture of a comment, on real files."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from unhype.evaluation.album import COLUMNS
from unhype.review.drawn import Drawn, count, listed
from unhype.review.picture import LARGEST, strip

NEW, OLD, BASE = "n" * 64, "o" * 64, "b" * 64


def album(folder: Path, eraser: str, guard: str, pictures: dict[str, str]) -> None:
    """A manifest: prompt → what its picture shows."""
    rows = [
        (f"{prompt}.png", prompt, "7", eraser, BASE, guard, hashlib.sha256(shown.encode()).hexdigest())
        for prompt, shown in pictures.items()
    ]
    (folder / eraser).mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(folder / eraser / "manifest.csv", index=False)


def asked(*prompts: str) -> pd.DataFrame:
    return pd.DataFrame({"prompt": list(prompts), "seed": [7] * len(prompts)})


def test_pictures_are_there_the_same_as_the_bases_or_drawn(tmp_path: Path) -> None:
    album(tmp_path, "bare", "", {"a": "a", "b": "b", "unasked": "x", "train": "t"})
    album(tmp_path, "champion", OLD, {"a": "no a", "unasked": "x"})
    before = listed(tmp_path)
    album(tmp_path, "bare", "", {"a": "a", "b": "b", "c": "c", "unasked": "x", "train": "t"})
    album(tmp_path, "champion", OLD, {"a": "no a", "unasked": "x", "b": "b", "c": "no c"})
    album(tmp_path, "new", NEW, {"a": "other a", "b": "b", "c": "c"})
    guards = {"this version": NEW, "the champion": OLD}
    assert count(before, listed(tmp_path), asked("train"), guards) == [
        Drawn("the base", 4, 3, 0, 1),
        Drawn("this version", 3, 0, 2, 1),
        Drawn("the champion", 3, 1, 1, 1),
    ]
    assert count(listed(tmp_path), listed(tmp_path), asked("train"), guards)[1] == Drawn("this version", 3, 3, 0, 0)


def test_of_two_ways_to_draw_the_base_the_one_that_was_asked_counts(tmp_path: Path) -> None:
    album(tmp_path, "few-steps", "", {"a": "a", "b": "b"})
    before = listed(tmp_path)
    assert len(listed(tmp_path / "nothing")) == 0
    album(tmp_path, "many-steps", "", {"a": "a!", "b": "b!"})
    album(tmp_path, "new", NEW, {"a": "a!", "b": "no b"})
    found = count(before, listed(tmp_path), asked(), {"this version": NEW})
    assert found == [Drawn("the base", 2, 0, 0, 2), Drawn("this version", 2, 0, 1, 1)]


def test_a_picture_of_what_changed_first_small_enough_for_a_comment(tmp_path: Path) -> None:
    prompts = {f"a photo of {name}": name for name in ("Cher", "Prince", "Adele", "Sting", "Rihanna", "Aaron Paul")}
    noise = np.random.default_rng(0)
    for eraser, guard in (("bare", ""), ("new", NEW), ("champion", OLD)):
        album(tmp_path, eraser, guard, {prompt: f"{eraser} {prompt}" for prompt in prompts})
        for prompt in prompts:
            pixels = noise.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / eraser / f"{prompt}.png")
    rows = [("evaluation" if name == "Aaron Paul" else "forget", name, prompt, 7) for prompt, name in prompts.items()]
    table = pd.DataFrame(rows, columns=["group", "concept", "prompt", "seed"])
    guards = {"this version": NEW, "the champion": OLD}
    seen = strip(table, listed(tmp_path), guards, {"Rihanna"})
    assert seen is not None
    with Image.open(io.BytesIO(seen)) as picture:
        assert picture.width == pytest.approx(5 * 102, abs=20), "four forgotten ones and one to keep"
        assert picture.height > 3 * 96
    # Noise is the hardest to press; what is drawn is not.
    assert len(seen) <= LARGEST
    assert strip(table, listed(tmp_path), {"this version": "unknown"}, set()) is None
    without = strip(table, listed(tmp_path), {"this version": NEW, "the champion": "unknown"}, set())
    assert without is not None
    with Image.open(io.BytesIO(without)) as picture:
        assert 2 * 96 < picture.height < 3 * 96, "a champion whose pictures are not there is left out"
