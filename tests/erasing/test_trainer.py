"""Training on the real miniature.

Every mode lowers the task loss, a killed run resumes to the same weights, the base is never touched.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from unhype.bases.loading import load_pipeline
from unhype.erasing.hypernet import Hypernet, HypernetConfig
from unhype.erasing.phrases import Reading, joined, reader
from unhype.erasing.trainer import MODES, Material, Trainer, TrainingSettings, mixed
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.miniature.folders import BASE
from unhype.training import Schedule

pytestmark = pytest.mark.slow

SETTINGS = TrainingSettings(
    hypernet=HypernetConfig(steps=10, hidden=32, basis=4), schedule=Schedule(steps=12, batch=4, rate=5e-3), retained=2
)


@pytest.fixture(scope="module")
def family(data: Path) -> Family:
    return family_of(load_pipeline(data / BASE))


@pytest.fixture(scope="module")
def material(family: Family) -> Material:
    latents = torch.randn(6, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    prompts, anchors = ([f"a photo of {who}", f"a picture of {who}"] for who in ("Cher", "a woman"))
    read = reader(family.vectors, None)
    return Material(
        prompts, anchors, read(prompts), read(["a photo of Drake"]), latents, np.array([[0, 1, 2], [3, 4, 5]])
    )


def trainer(family: Family, settings: TrainingSettings, material: Material) -> Trainer[Hypernet]:
    return Trainer(
        family,
        settings,
        material,
        lambda: Hypernet(settings.hypernet, family.sites, family.width).bind(family.denoiser),
    )


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_trains_and_leaves_the_base_alone(
    family: Family, material: Material, tmp_path: Path, mode: str
) -> None:
    before = {name: tensor.clone() for name, tensor in family.denoiser.state_dict().items()}
    run = trainer(family, replace(SETTINGS, mode=mode, eta=0.1), material)
    reports = list(run.run(tmp_path / "training.safetensors"))
    assert [report.step for report in reports] == list(range(1, 13))
    assert all(np.isfinite(report.loss) for report in reports)
    assert ("step_cosine" in reports[-1].telemetry) == (mode != "direct")
    assert reports[-1].telemetry["strength_forget"] > 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in family.denoiser.state_dict().items())


def test_direct_training_closes_on_the_target(family: Family, material: Material, tmp_path: Path) -> None:
    run = trainer(family, replace(SETTINGS, schedule=Schedule(steps=60, batch=4, rate=5e-3)), material)
    losses = [report.telemetry["task"] for report in run.run(tmp_path / "training.safetensors")]
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])


def test_a_killed_run_resumes_to_the_same_weights(family: Family, material: Material, tmp_path: Path) -> None:
    whole = trainer(family, SETTINGS, material)
    list(whole.run(tmp_path / "whole.safetensors"))
    for _ in range(4):
        parts = trainer(family, SETTINGS, material)
        for count, _report in enumerate(parts.run(tmp_path / "parts.safetensors")):
            if count == 4:
                break
    assert all(
        torch.equal(a, b)
        for a, b in zip(whole.emitter.state_dict().values(), parts.emitter.state_dict().values(), strict=True)
    )


def test_settings_and_material_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="got mode 'magic'"):
        TrainingSettings(mode="magic")
    with pytest.raises(ValueError, match="earliest"):
        TrainingSettings(earliest=1.0)
    nothing = Reading(torch.zeros(0, 1, 4), torch.zeros(0, 1))
    with pytest.raises(UnhypeError, match="at least one"):
        Material([], [], nothing, nothing, torch.zeros(0), np.zeros((0, 1), dtype=int))


def test_two_phrases_of_a_prompt_act_together(family: Family, material: Material) -> None:
    """The batch's LoRA of two phrases is the sum of their own."""
    run = trainer(family, SETTINGS, material)
    pair = Reading(torch.cat([material.reading.c[:1], material.reading.c[1:]], 1), torch.ones(1, 2))
    s = torch.tensor([SETTINGS.hypernet.steps])
    together = {name: factors.joined(2).merged() for name, factors in run._emit(pair, s).items()}
    alone = [run._emit(material.reading[torch.tensor([i])], s) for i in (0, 1)]
    assert all(
        torch.allclose(together[name], alone[0][name].merged() + alone[1][name].merged(), atol=1e-6)
        for name in together
    )


def test_materials_are_mixed_in_proportion(material: Material) -> None:
    both = mixed([material, replace(material, prompts=["x", "y"], anchors=["x", "y"])], [0.75, 0.25])
    drawn = both.draw(4000, np.random.default_rng(0))
    assert len(both.reading) == len(joined([material.reading, material.reading])) == 4
    assert np.mean(drawn < 2) == pytest.approx(0.75, abs=0.03)


def test_a_batch_of_nothing_but_prompts_to_keep_is_survived(family: Family, material: Material, tmp_path: Path) -> None:
    kept = replace(material, anchors=material.prompts)
    run = trainer(family, SETTINGS, kept)
    assert all(np.isfinite(report.loss) for report in run.run(tmp_path / "training.safetensors"))
    assert all(parameter.isfinite().all() for parameter in run.emitter.parameters())


def test_matching_asks_for_no_step_beyond_the_last(
    family: Family, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H(c, s + 1) − H(c, s) is a step of S: at s = S there is none, and H was never meant for S + 1."""
    run = trainer(family, replace(SETTINGS, mode="matching", eta=0.1, retained=0), material)
    steps, emit = [], run._emit
    monkeypatch.setattr(run, "_emit", lambda read, s: steps.append(s) or emit(read, s))  # type: ignore[func-returns-value]
    list(run.run(tmp_path / "training.safetensors"))
    assert max(int(s.max()) for s in steps) == SETTINGS.hypernet.steps
    assert min(int(s.min()) for s in steps) >= 0
