"""Training on the real miniature.

Every mode lowers the task loss, a killed run resumes to the same weights, the base is never touched.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.families import tiny
from unhype.adapters.sites import layer_at
from unhype.bases.loading import load_pipeline
from unhype.erasing.hypernet import Hypernet, HypernetConfig
from unhype.erasing.material import Material, mixed
from unhype.erasing.phrases import Reading, joined, reader
from unhype.erasing.trainer import MODES, Trainer, TrainingSettings
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


# ---------------------------------------------------------------- what real bases need


def tiny_run(
    name: str,
    settings: TrainingSettings,
    dtype: torch.dtype = torch.float32,
    table: str | None = None,
    **options: Any,
) -> Trainer[Hypernet]:
    pipeline = tiny.BUILDERS[name]().to(dtype)
    family = family_of(pipeline, table)
    prompts, anchors = ([f"a photo of {who}", f"a picture of {who}"] for who in ("Cher", "a woman"))
    read = reader(family.vectors, None)
    latents = torch.randn(6, *family.latent_shape, generator=torch.Generator().manual_seed(0))
    rows = np.array([[0, 1, 2], [3, 4, 5]])
    stuff = Material(prompts, anchors, read(prompts), read(["a photo of Drake"]), latents, rows)
    return Trainer(
        family,
        settings,
        stuff,
        lambda: Hypernet(settings.hypernet, family.sites, family.width).bind(family.denoiser),
        **options,
    )


def gradients(run: Trainer[Hypernet]) -> tuple[float, dict[str, torch.Tensor]]:
    """Of the third step, after two that let the hypernetwork say something."""
    for step in range(3):
        torch.manual_seed(step)
        loss = run._loss(step, np.random.default_rng(step))
        run.emitter.zero_grad()
        loss.backward()
        found = {name: p.grad.clone() for name, p in run.emitter.named_parameters() if p.grad is not None}
        with torch.no_grad():
            for name, parameter in run.emitter.named_parameters():
                if name in found:
                    parameter -= 0.05 * found[name] / (found[name].norm() + 1e-9)
    return float(loss.detach()), found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("name", "table"), [("sd1", "cross_attention"), ("flux_dev", "published")])
def test_checkpointing_changes_no_number(name: str, table: str, mode: str) -> None:
    """The backward pass runs the denoiser's blocks again, and the adapters in them with it."""
    settings = replace(SETTINGS, mode=mode, precision="fp32")
    runs = [tiny_run(name, settings, table=table, checkpointing=False) for _ in range(2)]
    torch.manual_seed(0)
    runs[1].emitter.load_state_dict(runs[0].emitter.state_dict())
    calls = count_calls(runs[1])
    runs[1].family.bare_denoiser.enable_gradient_checkpointing()
    (loss, slopes), (again, others) = gradients(runs[0]), gradients(runs[1])
    assert loss == pytest.approx(again, rel=1e-6)
    assert slopes.keys() == others.keys()
    assert any(bool(slope.any()) for slope in slopes.values())
    assert all(torch.allclose(slopes[key], others[key], rtol=1e-4, atol=1e-7) for key in slopes)
    plain = count_calls(runs[0])
    runs[0]._loss(3, np.random.default_rng(3))
    calls.clear()
    runs[1]._loss(3, np.random.default_rng(3))
    assert len(calls) > len(plain)  # it did run again


def count_calls(run: Trainer[Hypernet]) -> list[int]:
    """A list that grows by one with each call of the first site."""
    calls: list[int] = []
    layer = layer_at(run.family.denoiser, run.family.sites[0].name)
    layer.register_forward_hook(lambda *_: calls.append(1))
    return calls


def test_checkpointing_is_on_while_it_is_wanted_and_off_afterwards(tmp_path: Path) -> None:
    settings = replace(SETTINGS, precision="fp32", schedule=Schedule(steps=3, batch=2, rate=1e-3))
    assert not tiny_run("flux_dev", settings).checkpointing, "on a CPU it only costs time"
    run = tiny_run("flux_dev", settings, checkpointing=True)
    denoiser: Any = run.family.bare_denoiser
    assert [denoiser.gradient_checkpointing for _ in run.run(tmp_path / "training.safetensors")] == [True] * 3
    assert not denoiser.gradient_checkpointing
    again = tiny_run("flux_dev", settings, checkpointing=True)
    steps = again.run(tmp_path / "other.safetensors")
    next(steps)
    steps.close()
    assert not again.family.bare_denoiser.gradient_checkpointing


@pytest.mark.parametrize("name", ["sd1", "flux_schnell"])
def test_a_base_in_bf16_trains_a_hypernetwork_in_float32(name: str, tmp_path: Path) -> None:
    settings = replace(SETTINGS, schedule=Schedule(steps=80, batch=4, rate=1e-2))
    run = tiny_run(name, settings, torch.bfloat16)
    losses = [report.telemetry["task"] for report in run.run(tmp_path / "training.safetensors")]
    assert all(parameter.dtype == torch.float32 for parameter in run.emitter.parameters())
    assert run.family.dtype == torch.bfloat16
    assert np.isfinite(losses).all()
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10]), losses


def test_kept_prompts_train_to_the_same_weights(family: Family, material: Material, tmp_path: Path) -> None:
    runs = []
    for room in (4.0, 0.0):
        run = trainer(family, SETTINGS, material)
        run.cache_gb = room
        list(run.run(tmp_path / f"{room}.safetensors"))
        runs.append(run.emitter.state_dict())
    assert all(torch.allclose(runs[0][name], runs[1][name], atol=1e-5) for name in runs[0])


def test_what_training_does_not_need_leaves_and_comes_back(
    family: Family, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Any] = []
    monkeypatch.setattr(family, "release", lambda encoders: said.append(encoders))
    monkeypatch.setattr(family, "restore", lambda: said.append("back"))
    for room in (4.0, 0.0):
        run = trainer(family, SETTINGS, material)
        run.cache_gb = room
        steps = run.run(tmp_path / f"{room}.safetensors")
        next(steps)
        steps.close()
    assert said == [True, "back", False, "back"]
