"""What is not supported is refused in one line that says what came, what was wanted and what to do."""

from __future__ import annotations

import copy
import inspect
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from torch import nn

from tests.families import tiny
from tests.families.guards import draw, guard_of
from tests.families.training import settings
from unhype.adapters.sites import find_sites
from unhype.bases.finding import Source
from unhype.erasing.guard import Guard
from unhype.erasing.hypernet import Hypernet
from unhype.erasing.material import Material
from unhype.erasing.phrases import Reading
from unhype.erasing.trainer import Trainer
from unhype.errors import UnhypeError
from unhype.families import choosing
from unhype.families.choosing import family_of
from unhype.families.family import Family


def refused(error: pytest.ExceptionInfo[UnhypeError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert text.startswith("got ")
    assert "wanted" in text
    return text


@pytest.mark.parametrize(
    "name",
    [
        "StableDiffusion3Pipeline",
        "PixArtSigmaPipeline",
        "KandinskyV22Pipeline",
        "StableCascadeDecoderPipeline",
        "QwenImagePipeline",
    ],
)
def test_pipelines_of_other_families(name: str) -> None:
    kind = getattr(diffusers, name)
    pipeline = object.__new__(kind)
    for part in inspect.signature(kind.__init__).parameters:
        if part != "self":
            vars(pipeline)[part] = None
    with pytest.raises(UnhypeError, match=f"got a {name}") as error:
        family_of(pipeline)
    assert "stable_diffusion, sdxl, flux" in refused(error)


@pytest.mark.parametrize("name", ["StableDiffusion3Pipeline", "PixArtSigmaPipeline"])
def test_pipelines_of_other_families_with_parts_of_their_own(name: str) -> None:
    transformer = {
        "StableDiffusion3Pipeline": lambda: diffusers.SD3Transformer2DModel(
            sample_size=4, num_layers=1, attention_head_dim=4, num_attention_heads=1, pos_embed_max_size=4
        ),
        "PixArtSigmaPipeline": lambda: diffusers.PixArtTransformer2DModel(
            sample_size=4, num_layers=1, attention_head_dim=4, num_attention_heads=1, cross_attention_dim=4
        ),
    }
    with torch.device("meta"):
        pipeline: Any = nn.Module()
        pipeline.transformer = transformer[name]()
        pipeline.text_encoder = pipeline.text_encoder_2 = nn.Linear(1, 1)
    with pytest.raises(UnhypeError) as error:
        family_of(pipeline)
    refused(error)


def test_a_unet_of_more_dimensions() -> None:
    pipeline: Any = nn.Module()
    pipeline.unet = nn.Module()
    pipeline.unet.config = {"cross_attention_dim": 8, "addition_embed_type": None}
    pipeline.text_encoder = nn.Linear(1, 1)
    with pytest.raises(UnhypeError) as error:
        family_of(pipeline)
    refused(error)


def test_a_flux_without_t5(pipelines: dict[str, Any]) -> None:
    whole = pipelines["flux_dev"]
    parts = {**whole.components, "text_encoder_2": None, "tokenizer_2": None}
    with pytest.raises(UnhypeError, match="got a FluxPipeline without text_encoder_2, tokenizer_2") as error:
        family_of(diffusers.FluxPipeline(**parts))
    refused(error)


def test_a_table_that_matches_nothing(pipelines: dict[str, Any]) -> None:
    with pytest.raises(UnhypeError, match=r"got no layer that ends in 'attn9.to_k'") as error:
        find_sites(pipelines["sd1"].unet, {"attn2.to_k": "states", "attn9.to_k": "states"})
    refused(error)
    with pytest.raises(UnhypeError, match="wanted a Linear") as error:
        find_sites(pipelines["sd1"].unet, {"conv_in": "hidden"})
    refused(error)


def test_a_scheduler_of_another_kind_of_noise(pipelines: dict[str, Any]) -> None:
    family = family_of(diffusers.StableDiffusionPipeline(**pipelines["sd1"].components, requires_safety_checker=False))
    family.pipeline.scheduler = diffusers.FlowMatchEulerDiscreteScheduler()
    with pytest.raises(UnhypeError, match="got a FlowMatchEulerDiscreteScheduler") as error:
        family.noised(torch.zeros(1, 4, 8, 8), torch.zeros(1, 4, 8, 8), torch.tensor([5]))
    refused(error)


def test_unknown_sites(pipelines: dict[str, Any]) -> None:
    with pytest.raises(
        UnhypeError, match="got the sites 'everything' for flux, wanted one of text_entries, publ"
    ) as error:
        family_of(pipelines["flux_dev"], "everything")
    assert "training.sites" in refused(error)
    with pytest.raises(UnhypeError, match="got the family 'sd3'") as error:
        choosing.named("sd3")
    refused(error)


def test_a_guard_of_another_family(pipelines: dict[str, Any]) -> None:
    guard = guard_of(family_of(pipelines["sd1"]))
    for other in ("sdxl", "flux_dev"):
        with pytest.raises(UnhypeError, match=r"got a pipeline of the family .*wanted stable_diffusion") as error:
            guard.attach(pipelines[other])
        refused(error)
    with pytest.raises(UnhypeError, match="wanted the base that this guard was trained for") as error:
        guard.attach(pipelines["sd2"])
    refused(error)


def shaped(family: Family) -> Guard:
    """A guard that knows the shape of its base, as trained ones do."""
    guard = guard_of(family)
    guard.trained.facts["shape"] = family.shape
    return guard


def flux_with(part: str, **changes: Any) -> Any:
    """A tiny Flux, one part of which is configured otherwise."""
    whole = tiny.flux_dev()
    config = {**getattr(whole, part).config, **changes}
    torch.manual_seed(0)
    return diffusers.FluxPipeline(**{**whole.components, part: type(getattr(whole, part)).from_config(config)})


def test_a_guard_of_a_flux_of_another_shape(pipelines: dict[str, Any]) -> None:
    dev, schnell = (family_of(pipelines[name]) for name in ("flux_dev", "flux_schnell"))
    shorter = tiny.flux_dev()
    shorter.tokenizer_2.model_max_length = 24
    for guard, pipeline, got, wanted in (
        (shaped(dev), schnell.pipeline, "without a guidance embedding", "with a guidance embedding"),
        (shaped(schnell), dev.pipeline, "with a guidance embedding", "without a guidance embedding"),
        (shaped(dev), shorter, "with 24 tokens that T5 reads", "with 40 tokens that T5 reads"),
        (shaped(dev), flux_with("transformer", pooled_projection_dim=72), "with 72 numbers in the", "with 96 numbers"),
        (shaped(dev), flux_with("transformer", joint_attention_dim=32), "with 32 numbers in a", "with 24 numbers"),
    ):
        with pytest.raises(UnhypeError, match=f"got a pipeline {got}.*wanted one {wanted}.*as tiny is") as error:
            guard.attach(pipeline)
        assert "train a guard for this base" in refused(error)
        assert not pipeline.transformer._forward_pre_hooks
    again = shaped(dev)
    again.attach(dev.pipeline)()


def test_a_guard_of_before_is_told_by_its_layers_and_weights(pipelines: dict[str, Any]) -> None:
    guard = guard_of(family_of(pipelines["flux_dev"]))
    with pytest.raises(UnhypeError, match=r"differs at transformer.*guidance_embedder") as error:
        guard.attach(pipelines["flux_schnell"])
    refused(error)


def test_the_base_of_a_guard_is_of_its_family_before_weights_are_read(
    pipelines: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {name: tmp_path / name for name in ("sd1", "flux_dev", "flux_schnell")}
    for name, folder in folders.items():
        pipelines[name].save_pretrained(folder)
    guards = {name: guard_of(family_of(pipelines[name])) for name in ("sd1", "flux_dev")}
    found = guards["flux_dev"].load_family(Source("mini-flux", folder=folders["flux_dev"]))
    assert (found.name, found.table) == ("flux", "text_entries")
    other = guards["flux_dev"].load_family(Source("mini-flux", folder=folders["flux_schnell"]))
    with pytest.raises(UnhypeError, match="wanted the architecture of the base") as error:
        guards["flux_dev"].attach(other.pipeline, family=other)
    refused(error)
    monkeypatch.setattr(diffusers.DiffusionPipeline, "from_pretrained", lambda *_, **__: pytest.fail("loaded"))
    for name, folder, told in (
        ("sd1", "flux_dev", "got a pipeline of the family flux, wanted stable_diffusion"),
        ("flux_dev", "sd1", "got a pipeline of the family stable_diffusion, wanted flux"),
    ):
        with pytest.raises(UnhypeError, match=f"{told}: this guard was trained on tiny") as error:
            guards[name].load_family(Source(folder, folder=folders[folder]))
        refused(error)


@pytest.mark.parametrize("length", [0, 513, "long"])
def test_a_length_that_t5_is_not_given(pipelines: dict[str, Any], length: Any) -> None:
    family = family_of(pipelines["flux_dev"])
    with (
        guard_of(family).attached(family.pipeline),
        pytest.raises(UnhypeError, match="wanted a number from 1") as error,
    ):
        family.pipeline.encode_prompt("a dog", max_sequence_length=length)
    assert f"max_sequence_length={length!r}" in refused(error)


def test_a_base_that_fills_in_pictures_is_neither_drawn_with_nor_trained() -> None:
    for name, channels in (("sd1", 9), ("flux_dev", 96)):
        pipeline = copy.copy(tiny.BUILDERS[name]())
        denoiser = pipeline.unet if name == "sd1" else pipeline.transformer
        denoiser.register_to_config(in_channels=channels)
        family = family_of(pipeline)
        with pytest.raises(UnhypeError, match="fills in, enlarges or follows a picture") as error:
            draw(family, ["a photo of Cher"])
        assert "got a denoiser that reads" in refused(error)
        reading = Reading(torch.zeros(1, 1, family.width), torch.ones(1, 1))
        material = Material(["a"], ["b"], reading, reading, torch.zeros(1, 4, 8, 8), torch.zeros(1, 1).long().numpy())
        with pytest.raises(UnhypeError, match="text-to-image base") as error:
            Trainer(family, settings(1), material, lambda f=family: Hypernet(settings(1).hypernet, f.sites, f.width))  # type: ignore[misc]
        refused(error)
