"""What a family computes is what its pipeline computes: texts, times, ids, packing, guidance, schedule, latents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers.pipelines.flux.pipeline_flux import calculate_shift

from tests.families.guards import HOW, KEPT, draw
from unhype.bases.identity import compare, identify
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.families.packing import packed, unpacked
from unhype.families.text import Text
from unhype.pictures.pixels import to_pixels
from unhype.pictures.sampling import Sampling

PROMPTS = ["a photo of Cher", "Drake and a dog in the rain"]
CLOSE = {"atol": 2e-4, "rtol": 1e-3}


@contextmanager
def calls_of(family: Family) -> Iterator[list[tuple[dict[str, Any], torch.Tensor]]]:
    """The denoiser's calls: arguments by name, and what came out."""
    calls: list[tuple[dict[str, Any], torch.Tensor]] = []

    def note(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        first = dict(zip(("hidden_states" if family.name == "flux" else "sample", "timestep"), args, strict=False))
        calls.append(({**first, **kwargs}, output[0]))

    handle = family.denoiser.register_forward_hook(note, with_kwargs=True)
    try:
        yield calls
    finally:
        handle.remove()


def unit_noise(family: Family, n: int = len(PROMPTS)) -> torch.Tensor:
    return torch.randn(n, *family.latent_shape, generator=torch.Generator().manual_seed(0))


def run(family: Family, noise: torch.Tensor, guidance: float, **options: Any) -> Any:
    """The pipeline's own loop from a given noise."""
    latents = packed(noise) if family.name == "flux" else noise
    options = {"num_inference_steps": 3, "output_type": "latent", **family.call_options(HOW), **options}
    return family.pipeline(PROMPTS, latents=latents, guidance_scale=guidance, **options).images


def as_latents(family: Family, latents: torch.Tensor) -> torch.Tensor:
    _, height, width = family.latent_shape
    if family.name != "flux":
        return latents
    scale = family.pipeline.vae_scale_factor
    return diffusers.FluxPipeline._unpack_latents(latents, height * scale, width * scale, scale)


def test_it_draws_what_the_plain_pipeline_draws(family: Family) -> None:
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    size = {"height": 16, "width": 16, "max_sequence_length": 40} if family.name == "flux" else {}
    plain = family.pipeline(
        PROMPTS, num_inference_steps=2, guidance_scale=3.0, generator=generators, output_type="pt", **size
    ).images
    pictures = draw(family, PROMPTS)
    assert pictures.shape == (2, 16, 16, 3)
    assert np.array_equal(pictures, to_pixels(plain * 2 - 1))
    assert np.abs(pictures[0].astype(int) - pictures[1]).mean() > 5


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_it_predicts_what_the_pipelines_loop_predicts(family: Family, guidance: float) -> None:
    with calls_of(family) as calls:
        run(family, unit_noise(family), guidance)
    assert len(calls) == 3
    text, empty = family.encode(PROMPTS), family.unconditional(len(PROMPTS))
    for arguments, output in calls:
        if family.name == "flux":
            noisy, time = as_latents(family, arguments["hidden_states"]), arguments["timestep"]
            wanted = as_latents(family, output)
            ours = family.guided(noisy, time, text, empty, guidance)
        else:
            noisy, time = arguments["sample"][-len(PROMPTS) :], arguments["timestep"].expand(len(PROMPTS))
            wanted = output
            parts = [family.predict(noisy, time, part) for part in ((text,) if guidance == 1 else (empty, text))]
            ours = torch.cat(parts)
        torch.testing.assert_close(ours, wanted, **CLOSE)
        if family.name == "flux" and guidance == 1:
            torch.testing.assert_close(family.predict(noisy, time, text), wanted, **CLOSE)


def test_guidance_told_to_a_distilled_base_is_heard_where_there_is_one(pipelines: dict[str, Any]) -> None:
    heard = {}
    for name in ("flux_dev", "flux_schnell"):
        family = family_of(pipelines[name])
        noise, text = unit_noise(family), family.encode(PROMPTS)
        weak, strong = (family.guided(noise, family.time_at(0.7, 2), text, text, guidance) for guidance in (1.0, 5.0))
        heard[name] = not torch.equal(weak, strong)
    assert heard == {"flux_dev": True, "flux_schnell": False}


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_its_trajectory_followed_by_hand_ends_where_the_pipeline_ends(family: Family, guidance: float) -> None:
    follow(family, guidance)


@pytest.mark.parametrize("scheduler", ["PNDMScheduler", "EulerDiscreteScheduler", "DPMSolverMultistepScheduler"])
def test_the_trajectory_is_that_of_any_scheduler(pipelines: dict[str, Any], scheduler: str) -> None:
    pipeline = pipelines["sd1"]
    before = pipeline.scheduler
    try:
        pipeline.scheduler = getattr(diffusers, scheduler).from_config(before.config, skip_prk_steps=True)
        follow(family_of(pipeline), 4.0)
    finally:
        pipeline.scheduler = before


def follow(family: Family, guidance: float) -> None:
    noise, text = unit_noise(family), family.encode(PROMPTS)
    empty, path = family.unconditional(len(PROMPTS)), family.trajectory(3)
    latents = path.start(noise)
    with torch.no_grad():
        for i, time in enumerate(path.times):
            prediction = family.guided(path.seen(latents, i), time.expand(len(PROMPTS)), text, empty, guidance)
            latents = path.step(prediction, i, latents)
    wanted = as_latents(family, run(family, noise, guidance))
    torch.testing.assert_close(latents, wanted, **CLOSE)


def test_texts_are_encoded_as_in_the_pipelines_call(family: Family) -> None:
    with calls_of(family) as calls:
        run(family, unit_noise(family), 4.0)
    rows = family.text_in(calls[0][0])
    ours = family.encode(PROMPTS)
    assert torch.equal(rows[0][-2:], ours.states)
    assert (len(rows) == 2) == (ours.pooled is not None)
    if ours.pooled is not None:
        assert torch.equal(rows[1][-2:], ours.pooled)
    if len(rows[0]) == 4:
        empty = family.unconditional(2)
        assert torch.equal(rows[0][:2], empty.states)
        assert (empty.states == 0).all() == (family.name == "sdxl")


def test_vectors_are_those_that_the_encoder_pools(family: Family) -> None:
    found = family.vectors(PROMPTS)
    assert found.shape == (2, family.width)
    if family.encode(PROMPTS).pooled is not None:
        torch.testing.assert_close(found, family.encode(PROMPTS).pooled, **CLOSE)
    alone = torch.cat([family.vectors([prompt]) for prompt in PROMPTS])
    assert torch.equal(found, alone)
    assert family.vectors([]).shape == (0, family.width)


def test_tokens_are_packed_as_in_the_pipeline() -> None:
    latents = torch.arange(2.0 * 4 * 6 * 8).view(2, 4, 6, 8)
    theirs = diffusers.FluxPipeline._pack_latents(latents, 2, 4, 6, 8)
    assert torch.equal(packed(latents), theirs)
    assert torch.equal(unpacked(theirs, 6, 8), diffusers.FluxPipeline._unpack_latents(theirs, 12, 16, 2))
    assert torch.equal(unpacked(packed(latents), 6, 8), latents)


# ---------------------------------------------------------------- noise


@pytest.mark.parametrize("name", ["sd1", "sd2", "sdxl"])
def test_noise_is_mixed_in_by_the_schedule(pipelines: dict[str, Any], name: str) -> None:
    family = family_of(pipelines[name])
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    kept = np.cumprod(1 - betas)
    times = torch.tensor([0, 400, 999])
    latents, noise = unit_noise(family, 3), unit_noise(family, 3).flip(0)
    for i, found in enumerate(family.noised(latents, noise, times)):
        share = kept[times[i]]
        torch.testing.assert_close(found, share**0.5 * latents[i] + (1 - share) ** 0.5 * noise[i], rtol=1e-3, atol=1e-4)
    drawn = family.times(500, np.random.default_rng(0), 0.2)
    assert drawn.dtype == torch.int64
    assert 200 <= int(drawn.min()) < 220 < 980 < int(drawn.max()) <= 999
    assert family.time_at(1.0, 2).tolist() == [999, 999]


@pytest.mark.parametrize("name", ["flux_dev", "flux_schnell"])
def test_flow_is_straight_and_its_times_are_the_schedulers(pipelines: dict[str, Any], name: str) -> None:
    family = family_of(pipelines[name])
    latents, noise = unit_noise(family, 3), unit_noise(family, 3).flip(0)
    found = family.noised(latents, noise, torch.tensor([0.0, 0.25, 1.0]))
    torch.testing.assert_close(found[0], latents[0])
    torch.testing.assert_close(found[1], 0.75 * latents[1] + 0.25 * noise[1])
    torch.testing.assert_close(found[2], noise[2])
    scheduler = type(family.pipeline.scheduler).from_config(family.pipeline.scheduler.config)
    _, height, width = family.latent_shape
    scheduler.set_timesteps(sigmas=np.linspace(1.0, 0.1, 10), mu=calculate_shift(height * width // 4))
    torch.testing.assert_close(family.trajectory(10).times, scheduler.sigmas[:-1], rtol=1e-5, atol=1e-6)
    drawn = family.times(500, np.random.default_rng(0), 0.2)
    assert 0.2 <= float(drawn.min()) < 0.25
    assert 0.95 < float(drawn.max()) <= 1.0
    assert family.time_at(0.9, 2).tolist() == pytest.approx([0.9, 0.9])


# ---------------------------------------------------------------- pictures


def test_latents_of_pictures_are_what_the_pipeline_decodes(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put in the place of the last step's, they must reach the decoder as the encoder gave them."""
    pixels = np.random.default_rng(0).integers(0, 256, size=(2, 16, 16, 3), dtype=np.uint8)
    vae, reached = family.pipeline.vae, []
    with torch.no_grad():
        mean = vae.encode(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1).latent_dist.mean
    decode = vae.decode

    def spy(latents: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        reached.append(latents)
        return decode(latents, *args, **kwargs)

    monkeypatch.setattr(vae, "decode", spy)
    ours = family.latents(pixels)
    assert ours.shape == (2, *family.latent_shape)
    given = packed(ours) if family.name == "flux" else ours
    run(family, unit_noise(family), 1.0, output_type="pt", callback_on_step_end=lambda *_: {"latents": given})
    torch.testing.assert_close(reached[0], mean, rtol=1e-4, atol=1e-5)


def test_saved_and_loaded_it_draws_the_same(family: Family, tmp_path: Path) -> None:
    family.pipeline.save_pretrained(tmp_path)
    loaded = diffusers.DiffusionPipeline.from_pretrained(tmp_path, dtype=torch.float32, local_files_only=True)
    loaded.set_progress_bar_config(disable=True)
    again = family_of(loaded)
    assert type(again) is type(family)
    assert not compare(identify(family.parts), again.parts)
    assert np.array_equal(draw(again, PROMPTS), draw(family, PROMPTS))


def test_a_picture_of_another_size_is_told_its_size(pipelines: dict[str, Any]) -> None:
    family = family_of(pipelines["sdxl"])
    noise = torch.randn(2, 4, 8, 12, generator=torch.Generator().manual_seed(0))
    with calls_of(family) as calls:
        run(family, noise, 1.0, height=16, width=24)
    arguments, output = calls[0]
    text = family.encode(PROMPTS)
    ours = family.predict(arguments["sample"], arguments["timestep"].expand(2), text)
    torch.testing.assert_close(ours, output, **CLOSE)


def test_pictures_are_those_of_a_batch_of_one(family: Family) -> None:
    together = draw(family, [KEPT, *PROMPTS])
    alone = draw(family, [KEPT, *PROMPTS], Sampling(steps=2, guidance=3.0, batch=1))
    assert np.abs(together.astype(int) - alone).max() <= 2


def test_rows_of_text_are_cut_and_repeated_alike_on_both_routes() -> None:
    text = Text(torch.arange(12.0).view(2, 3, 2), torch.arange(4.0).view(2, 2))
    first, second = text.chunk(2)
    assert torch.equal(first.states, text.states[:1])
    assert torch.equal(second[0:1].pooled, text.pooled[1:])  # type: ignore[index]
    assert torch.equal(text.repeated(2).states[2:], text.states)
    assert torch.equal(text.repeated(2).pooled[2:], text.pooled)  # type: ignore[index]
    assert first.expanded(3).pooled.shape == (3, 2)  # type: ignore[union-attr]
