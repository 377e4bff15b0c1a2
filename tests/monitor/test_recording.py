"""What a monitor learns from is what it will see: the denoiser's own z_0, late, in the rows of the prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from tests.families import tiny
from unhype.adapters.looking import Drawn
from unhype.adapters.onlooker import looking_on
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.monitor.features import view
from unhype.monitor.recording import drawn, record, recorded
from unhype.pictures.sampling import Sampling

HOW = Sampling(steps=4, guidance=3.0, batch=2)
PROMPTS = ["Cher", "Drake", "a man", "a dog", "Cher and Drake"]
TABLE = pd.DataFrame({"prompt": PROMPTS, "other": PROMPTS, "part": 1.0, "seed": [1, 2, 3, 4, 5]})


@pytest.fixture(params=["sd1", "sd2", "sdxl", "flux_dev", "flux_schnell"])
def family(request: pytest.FixtureRequest) -> Family:
    return family_of(tiny.BUILDERS[request.param]())


def test_it_is_what_the_guard_looks_at(family: Family, tmp_path: Path) -> None:
    """Where guidance is a number that the denoiser is told, it is told none here."""
    how = Sampling(steps=4, guidance=1.0 if family.name == "flux" else 3.0, batch=2)
    list(record(family, TABLE, 0.6, [how], tmp_path))
    looks, seen = recorded(tmp_path, len(TABLE)), []

    def look(family: Family, drawn: Drawn, before: Any) -> list[int]:
        seen.append(drawn.latents.clone())
        return [-1] * len(before)

    with looking_on(family, 0.6, look):
        list(family.draw(PROMPTS, list(TABLE["seed"]), how))
    assert looks.latents.shape == (5, *family.latent_shape)
    error = (looks.latents.float() - torch.cat(seen)).abs().mean() / torch.cat(seen).abs().mean()
    assert error < 0.02
    for made, kept in zip(view(family, looks.latents.float()), (looks.features, looks.clean), strict=True):
        assert ((kept.float() - made).abs().mean() / made.abs().mean()) < 0.02


def test_between_two_texts_there_is_something_of_both(family: Family) -> None:
    rows = pd.DataFrame({"prompt": "Cher", "other": "a dog", "part": [1.0, 0.7, 0.3, 0.0], "seed": 1})
    one, more, less, other = drawn(family, rows, 0.6, Sampling(steps=4, guidance=3.0, batch=4))
    own = drawn(family, rows.iloc[:1].assign(other="Drake"), 0.6, HOW)[0]
    assert torch.allclose(one, own, atol=1e-3 * float(own.abs().max()))
    assert (more - one).norm() < (less - one).norm() < (other - one).norm()


def test_what_is_recorded_is_not_drawn_again(family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(record(family, TABLE, 0.6, [HOW], tmp_path)) == [5]
    before = recorded(tmp_path, 5)
    monkeypatch.setattr("unhype.monitor.recording.drawn", None)
    assert list(record(family, TABLE, 0.6, [HOW], tmp_path)) == [5]
    assert torch.equal(recorded(tmp_path, 5).latents, before.latents)


def test_by_turns_each_row_keeps_its_place(family: Family, tmp_path: Path) -> None:
    other = Sampling(steps=4, guidance=1.5, batch=2)
    list(record(family, TABLE, 0.6, [HOW, other], tmp_path / "both"))
    for turn, how in enumerate((HOW, other)):
        list(record(family, TABLE, 0.6, [how], tmp_path / str(turn)))
        both, one = recorded(tmp_path / "both", 5).latents[turn::2], recorded(tmp_path / str(turn), 5).latents[turn::2]
        assert torch.allclose(both.float(), one.float(), atol=0.05 * float(one.float().abs().max()))


def test_the_pipeline_is_itself_afterwards(family: Family, tmp_path: Path) -> None:
    bare = [picture.copy() for picture in family.draw(["Cher"], [1], HOW)]
    list(record(family, TABLE, 0.6, [HOW], tmp_path))
    assert all((one == other).all() for one, other in zip(bare, family.draw(["Cher"], [1], HOW), strict=True))
