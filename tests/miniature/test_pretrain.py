"""The whole recipe at toy size.

Every stage runs, a killed run resumes to the same weights, and what ships loads in plain diffusers.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from unhype.bases.cards import verify
from unhype.bases.loading import load_pipeline
from unhype.errors import UnhypeError
from unhype.miniature import shipping
from unhype.miniature.folders import BASE, CLIP, JUDGE
from unhype.miniature.pretrain import STAGES, pretrain
from unhype.miniature.shipping import load_clip, load_judge, ship
from unhype.miniature.workshop import Pretraining, Workshop
from unhype.pictures.sampling import Sampling, sample
from unhype.training import Schedule

TINY = Pretraining(
    pictures=24,
    vocabulary=600,
    prompt_length=16,
    precision="fp32",
    autoencoder=Schedule(steps=2, batch=2, rate=1e-3, average=0.9),
    clip=Schedule(steps=3, batch=4, rate=1e-3),
    judge=Schedule(steps=2, batch=4, rate=1e-3),
    denoiser=Schedule(steps=3, batch=2, rate=1e-3, average=0.9),
    more_pairs=0.5,
)


def workshop(folder: Path, settings: Pretraining = TINY) -> Workshop:
    return Workshop(settings, folder, torch.device("cpu"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    shop = workshop(tmp_path_factory.mktemp("whole"))
    seen = {progress.stage: progress for progress in pretrain(shop)}
    assert list(seen) == list(STAGES)
    assert all(progress.done == progress.total for progress in seen.values())
    return shop


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_weights(finished: Workshop, tmp_path: Path) -> None:
    # A new process after every fourth report: nothing but the files survives.
    for _ in range(20):
        for count, _progress in enumerate(pretrain(shop := workshop(tmp_path))):
            if count == 3:
                break
        else:
            break
    for name in ("autoencoder", "clip", "judge", "denoiser"):
        whole, parts = getattr(finished, name).state_dict(), getattr(shop, name).state_dict()
        assert all(torch.equal(whole[key], parts[key]) for key in whole), name


@pytest.mark.slow
def test_a_finished_workshop_opens_again_without_training(finished: Workshop) -> None:
    shop = workshop(finished.folder)
    assert {progress.stage for progress in pretrain(shop)} <= {"tokenizer"}
    assert torch.equal(shop.denoiser.conv_in.weight, finished.denoiser.conv_in.weight)


def test_a_changed_setting_reruns_what_depends_on_it(tmp_path: Path) -> None:
    before = workshop(tmp_path)
    after = workshop(tmp_path, replace(TINY, clip=Schedule(steps=4, batch=4, rate=1e-3)))
    same = {
        stage: before.fingerprint(stage) == after.fingerprint(stage)
        for stage in ("autoencoder", "clip", "judge", "denoiser")
    }
    assert same == {"autoencoder": True, "clip": False, "judge": True, "denoiser": False}


@pytest.mark.slow
def test_what_ships_loads_strictly_and_samples(
    finished: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "calibrate", lambda judge: replace(judge.config, temperature=1.25))
    ship(finished, tmp_path)
    for part in (BASE, CLIP, JUDGE):
        verify(tmp_path / part)
        assert all(
            path.suffix in {".json", ".safetensors", ".txt"} for path in (tmp_path / part).rglob("*") if path.is_file()
        )
    pipeline = load_pipeline(tmp_path / BASE)
    assert {module.dtype for module in (pipeline.unet, pipeline.vae, pipeline.text_encoder)} == {torch.float32}
    half = {key: value.half().float() for key, value in finished.denoiser.state_dict().items()}
    assert all(torch.equal(value, half[key]) for key, value in pipeline.unet.state_dict().items())
    pictures = np.concatenate(
        list(sample(pipeline, ["a cat", "Cher", "Prince"], [1, 2, 3], Sampling(steps=2, batch=2)))
    )
    assert pictures.shape == (3, 64, 64, 3)
    assert load_judge(tmp_path / JUDGE).config.temperature == 1.25
    model, tokenizer = load_clip(tmp_path / CLIP)
    assert torch.equal(
        model.text_model.embeddings.token_embedding.weight, pipeline.text_encoder.get_input_embeddings().weight
    )
    assert tokenizer("Cher").input_ids == pipeline.tokenizer("Cher").input_ids
    with pytest.raises(UnhypeError, match="wanted 'judge'"):
        load_judge(tmp_path / CLIP)


def test_the_denoiser_draws_more_pairs_from_pictures_of_two_people(tmp_path: Path) -> None:
    shop = workshop(tmp_path)
    shown = {i: len(shop.pictures.example(i).subject.people) for i in range(TINY.pictures)}
    assert shop.pairs.tolist() == [i for i, people in shown.items() if people == 2]
    assert 0 < len(shop.pairs) < TINY.pictures


@pytest.mark.parametrize(
    "change", [{"precision": "fp8"}, {"pictures": 0}, {"vocabulary": 100}, {"prompt_length": 2}, {"more_pairs": 1.5}]
)
def test_impossible_settings_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(UnhypeError, match="wanted"):
        replace(TINY, **change)
