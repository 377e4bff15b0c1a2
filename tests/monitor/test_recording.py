"""What a monitor learns from is what it will see: the denoiser's own z_0, late, in the rows of the prompts."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from tests.families import tiny
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.monitor.recording import record, recorded
from unhype.pictures.sampling import Sampling

HOW = Sampling(steps=4, guidance=3.0, batch=2)
TABLE = pd.DataFrame({"prompt": ["Cher", "Drake", "a man", "a dog", "Cher and Drake"], "seed": [1, 2, 3, 4, 5]})


@pytest.fixture(params=["sd1", "sd2", "sdxl", "flux_dev", "flux_schnell"])
def family(request: pytest.FixtureRequest) -> Family:
    return family_of(tiny.BUILDERS[request.param]())


def test_the_last_look_is_nearly_the_picture(family: Family, tmp_path: Path) -> None:
    """It is what the sampler's last step goes to, but for guidance: here there is none."""
    plain = Sampling(steps=4, guidance=1.0, batch=2)
    list(record(family, TABLE, 0.6, [plain], tmp_path))
    looks = recorded(tmp_path, len(TABLE))
    assert looks.latents.shape == (5, len(looks.share), *family.latent_shape)
    assert (looks.share.diff() < 0).all()
    assert looks.share.max() <= 0.6
    trajectory, texts = family.trajectory(4), family.encode(list(TABLE["prompt"]))
    if family.name == "flux":
        return  # its guidance is told to the denoiser: see test_as_the_pipeline.py
    noise = [torch.randn(1, *family.latent_shape, generator=torch.Generator().manual_seed(s)) for s in TABLE["seed"]]
    latents = trajectory.start(torch.cat(noise))
    for place, time in enumerate(trajectory.times):
        seen, times = trajectory.seen(latents, place), time.expand(5)
        predicted = family.predict(seen, times, texts)
        clean = family.clean(seen, times, predicted)
        latents = trajectory.step(predicted, place, latents)
    scale = clean.abs().mean()
    assert ((looks.latents[:, -1].float() - clean).abs().mean() / scale) < 0.02


def test_what_is_recorded_is_not_drawn_again(family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(record(family, TABLE, 0.6, [HOW], tmp_path)) == [5]
    before = recorded(tmp_path, 5)
    monkeypatch.setattr(type(family), "draw", None)
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
