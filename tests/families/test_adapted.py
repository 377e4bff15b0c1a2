"""Adapters on every family: hooked equals merged, sites are counted, a guard finds names by whatever way they come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import diffusers
import numpy as np
import torch

from tests.families.guards import FORGOTTEN, HOW, KEPT, draw, guard_of
from tests.families.test_as_the_pipeline import calls_of, unit_noise
from unhype.adapters.lora import Factors, active
from unhype.adapters.sites import find_sites, layer_at
from unhype.erasing.guard import Guard
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.families.flux import Flux
from unhype.families.sdxl import StableDiffusionXL
from unhype.families.stable_diffusion import StableDiffusion
from unhype.pictures.sampling import Sampling

PROMPTS = [FORGOTTEN, KEPT, "Adam Driver in the rain"]
BEYOND = "a " * 119 + "Cher"


@contextmanager
def merged(family: Family, factors: dict[str, Factors], sample: int) -> Iterator[None]:
    """One sample's adapters added to the weights themselves."""
    layers = {name: layer_at(family.denoiser, name) for name in factors}
    before = {name: layer.weight.data for name, layer in layers.items()}
    try:
        for name, factor in factors.items():
            layers[name].weight.data = before[name] + factor.merged()[sample]
        yield
    finally:
        for name, weight in before.items():
            layers[name].weight.data = weight


@torch.no_grad()
def test_hooked_is_merged_for_every_sample(on_every_table: Family) -> None:
    family, random = on_every_table, torch.Generator().manual_seed(0)
    factors = {
        site.name: Factors(
            torch.randn(3, 2, site.inputs, generator=random) / site.inputs**0.5,
            torch.randn(3, site.outputs, 2, generator=random) * torch.tensor([1.0, 0.0, 0.3]).view(3, 1, 1),
        )
        for site in family.sites
    }
    noise, times, text = unit_noise(family, 3), family.time_at(0.6, 3), family.encode(PROMPTS)
    bare = family.predict(noise, times, text)
    with active(family.denoiser, factors):
        hooked = family.predict(noise, times, text)
    for sample in range(3):
        with merged(family, factors, sample):
            alone = family.predict(noise, times, text)
        torch.testing.assert_close(hooked[sample], alone[sample], rtol=1e-3, atol=1e-4)
    changed = (hooked - bare).abs().amax((1, 2, 3))
    assert changed[0] > changed[2] > 0.01
    assert torch.equal(hooked[1], bare[1])
    assert torch.equal(family.predict(noise, times, text), bare)


def test_sites_of_the_true_models_are_those_of_the_paper() -> None:
    with torch.device("meta"):
        flux = diffusers.FluxTransformer2DModel(guidance_embeds=True)  # its defaults are Flux.1-dev's
        sd14 = diffusers.UNet2DConditionModel(cross_attention_dim=768)
        sdxl = diffusers.UNet2DConditionModel(
            block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2, 10),
            attention_head_dim=(5, 10, 20),
            cross_attention_dim=2048,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
        )
    double, single = flux.config.num_layers, flux.config.num_single_layers
    assert (double, single) == (19, 38)
    published = find_sites(flux, Flux.tables["published"])
    assert len(published) == 3 * double + single == 95
    assert {(site.inputs, site.outputs, site.reads) for site in published} == {(3072, 3072, "hidden")}
    assert sum(4 * (site.inputs + site.outputs) for site in published) == 2_334_720
    entries = find_sites(flux, Flux.tables["text_entries"])
    assert [(site.inputs, site.outputs, site.reads) for site in entries] == [
        (768, 3072, "pooled"),
        (4096, 3072, "states"),
    ]
    assert len(find_sites(sd14, StableDiffusion.tables["cross_attention"])) == 32
    assert len(find_sites(sdxl, StableDiffusionXL.tables["cross_attention"])) == 140
    assert len(find_sites(sdxl, StableDiffusionXL.tables["both_routes"])) == 141


# ---------------------------------------------------------------- a guard


def test_forgotten_is_changed_the_rest_is_not_and_detaching_restores_every_bit(on_every_table: Family) -> None:
    family = on_every_table
    guard, before = guard_of(family), draw(family, PROMPTS)
    with guard.attached(family.pipeline, family=family):
        during = draw(family, PROMPTS)
        alone = draw(family, PROMPTS, Sampling(steps=2, guidance=3.0, batch=1))
    changed = np.abs(before.astype(int) - during).mean((1, 2, 3))
    assert changed[0] > 3
    assert changed[2] > 3
    assert changed[1] == 0
    assert np.abs(during.astype(int) - alone).max() <= 2
    assert np.array_equal(draw(family, PROMPTS), before)
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in family.denoiser.modules())


def test_unconditional_rows_are_left_alone(family: Family) -> None:
    """Flux guides truly only if it is asked to: then its negative rows come by calls of their own."""
    asked: dict[str, Any] = {"generator": torch.Generator().manual_seed(1), "num_inference_steps": 1}
    asked |= {**family.call_options(HOW), "output_type": "latent", "negative_prompt": ["a dog", "Cher at a party"]}
    if family.name == "flux":
        asked["true_cfg_scale"] = 3.0
    guard, rows = guard_of(family), []
    for guarded in (False, True):
        asked["generator"].manual_seed(1)
        with calls_of(family) as calls:
            if guarded:
                with guard.attached(family.pipeline, family=family):
                    family.pipeline([FORGOTTEN, KEPT], **asked)
            else:
                family.pipeline([FORGOTTEN, KEPT], **asked)
        outputs = [output for _, output in calls]
        rows.append(torch.cat(outputs[::-1]))  # Flux calls with the prompts first
    (bare, guarded), same = rows, [torch.equal(a, b) for a, b in zip(*rows, strict=True)]
    assert len(bare) == len(guarded) == 4
    assert same == [True, True, False, True]


def test_several_pictures_a_prompt(family: Family) -> None:
    guard, latents = guard_of(family), []
    given = {**family.call_options(HOW), "num_inference_steps": 1, "output_type": "latent", "num_images_per_prompt": 2}
    for guarded in (False, True):
        undo = guard.attach(family.pipeline, family=family) if guarded else None
        generators = [torch.Generator().manual_seed(seed) for seed in range(4)]
        latents.append(family.pipeline([FORGOTTEN, KEPT], generator=generators, **given).images)
        if undo:
            undo()
    assert [torch.equal(a, b) for a, b in zip(*latents, strict=True)] == [False, False, True, True]


def test_a_name_is_found_in_either_prompt(pipelines: dict[str, Any]) -> None:
    for name in ("sdxl", "flux_dev"):
        family = family_of(pipelines[name])
        guard = guard_of(family)
        pairs = ((FORGOTTEN, KEPT), (KEPT, FORGOTTEN), (KEPT, "a dog"), (KEPT, None))
        found = [changes(family, guard, prompt, prompt_2=second) for prompt, second in pairs]
        assert found == [True, True, False, False], name


def changes(family: Family, guard: Guard, prompt: str, **options: Any) -> bool:
    latents = []
    for guarded in (False, True):
        undo = guard.attach(family.pipeline, family=family) if guarded else None
        given = {**family.call_options(HOW), "num_inference_steps": 1, "output_type": "latent", **options}
        latents.append(family.pipeline(prompt, generator=torch.Generator().manual_seed(0), **given).images)
        if undo:
            undo()
    return not torch.equal(*latents)


def test_a_name_is_read_as_far_as_the_encoders_read(pipelines: dict[str, Any]) -> None:
    for name in ("sd1", "sdxl"):
        family = family_of(pipelines[name])
        guard = guard_of(family)
        assert changes(family, guard, "a " * 70 + "Cher"), name
        assert not changes(family, guard, BEYOND), name
    family = family_of(pipelines["flux_dev"])
    guard = guard_of(family)
    assert changes(family, guard, BEYOND, max_sequence_length=512)
    assert not changes(family, guard, BEYOND, max_sequence_length=40)
    # CLIP has one prompt and reads 77 tokens of it; T5 has another.
    assert not changes(family, guard, BEYOND, prompt_2="a dog", max_sequence_length=512)
    assert changes(family, guard, "a dog", prompt_2=BEYOND, max_sequence_length=512)
