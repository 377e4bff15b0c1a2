"""What people do with a pipeline goes on under guard: the name is changed, the other picture is the base's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    ControlNetModel,
    StableDiffusionControlNetPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
)
from diffusers.models.attention_processor import AttnProcessor, IPAdapterAttnProcessor
from diffusers.models.embeddings import ImageProjection

from tests.erasing.conftest import NAME, OTHER, difference, draw, guards
from unhype.erasing.guard import Guard

pytestmark = pytest.mark.slow

SCHEDULERS = (
    "DDIM",
    "DDPM",
    "PNDM",
    "EulerDiscrete",
    "EulerAncestralDiscrete",
    "DPMSolverMultistep",
    "HeunDiscrete",
    "UniPCMultistep",
)
PICTURE = torch.linspace(0, 1, 3 * 64 * 64).reshape(1, 3, 64, 64).expand(2, -1, -1, -1)
HALF = torch.ones(2, 1, 64, 64)


def with_scheduler(pipe: Any, name: str, **changes: Any) -> None:
    kind = getattr(importlib.import_module("diffusers"), f"{name}Scheduler")
    pipe.scheduler = kind.from_config(pipe.scheduler.config, **changes)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of diffusers' own
@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers(pipe: Any, strong: Guard, name: str) -> None:
    with_scheduler(pipe, name, **({"skip_prk_steps": True} if name == "PNDM" else {}))
    guards(pipe, strong, lambda p: draw(p, steps=3))


def test_few_steps_without_guidance_as_lcm_draws(pipe: Any, strong: Guard) -> None:
    with_scheduler(pipe, "LCM")
    guards(pipe, strong, lambda p: draw(p, guidance_scale=1.0))


def test_velocity_as_stable_diffusion_2_predicts(pipe: Any, strong: Guard) -> None:
    with_scheduler(pipe, "DDIM", prediction_type="v_prediction")
    guards(pipe, strong)


@pytest.mark.parametrize(
    "options",
    [
        {"guidance_scale": 1.0},
        {"negative_prompt": ["blurry", "blurry"]},
        {"height": 48, "width": 80},
        {"guidance_rescale": 0.7},
        {"eta": 1.0},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_of_a_call(pipe: Any, strong: Guard, options: dict[str, Any]) -> None:
    guards(pipe, strong, lambda p: draw(p, **options))


def test_several_pictures_a_prompt_and_one_string(pipe: Any, strong: Guard) -> None:
    bare = draw(pipe, num_images_per_prompt=2)
    with strong.attached(pipe):
        during = draw(pipe, num_images_per_prompt=2)
        one = draw(pipe, NAME, num_images_per_prompt=2)
    changed = difference(bare, during)
    assert min(changed[:2]) > 3
    assert changed[2:] == [0, 0]
    assert min(difference(one, draw(pipe, NAME, num_images_per_prompt=2))) > 3


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_precisions(pipe: Any, strong: Guard, dtype: torch.dtype) -> None:
    with strong.attached(pipe):
        pipe.to(dtype)
        during = draw(pipe)
    bare = draw(pipe)
    guards(pipe, strong, bare=bare)
    name, other = difference(during, bare)
    assert name > 3
    assert other == 0


def fp8(pipe: Any) -> None:
    pipe.unet.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)


def group_offload(pipe: Any) -> None:
    pipe.unet.enable_group_offload(torch.device("cpu"), torch.device("cpu"), "leaf_level")


def attention_processor(pipe: Any) -> None:
    pipe.unet.set_attn_processor(AttnProcessor())


def freeu(pipe: Any) -> None:
    pipe.enable_freeu(s1=0.9, s2=0.2, b1=1.2, b2=1.4)


def slicing(pipe: Any) -> None:
    pipe.enable_attention_slicing()
    pipe.vae.enable_slicing()


CHANGES = (fp8, group_offload, attention_processor, freeu, slicing)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("when", ["before", "during"])
def test_changes_of_a_pipeline(pipe: Any, strong: Guard, change: Callable[[Any], None], when: str) -> None:
    if when == "before":
        change(pipe)
        guards(pipe, strong)
        return
    with strong.attached(pipe):
        draw(pipe)
        change(pipe)
        during = draw(pipe)
    name, other = difference(during, draw(pipe))
    assert name > 3
    assert other == 0


def test_a_textual_inversion_of_one_vector(pipe: Any, reading: Guard) -> None:
    ids = pipe.tokenizer("dog", add_special_tokens=False).input_ids
    dog = pipe.text_encoder.get_input_embeddings().weight[ids].detach().clone()
    pipe.load_textual_inversion({"<toy>": dog[:1]})
    guards(pipe, reading, lambda p: draw(p, (NAME, "a photo of a <toy>")))


def test_from_a_picture(pipe: Any, strong: Guard) -> None:
    sibling = StableDiffusionImg2ImgPipeline.from_pipe(pipe)
    guards(sibling, strong, lambda p: draw(p, image=PICTURE, strength=1.0))


def test_inpainting(pipe: Any, strong: Guard) -> None:
    sibling = StableDiffusionInpaintPipeline.from_pipe(pipe)
    guards(sibling, strong, lambda p: draw(p, image=PICTURE, mask_image=HALF, strength=1.0, height=64, width=64))


@pytest.mark.parametrize("guess", [False, True])
def test_a_controlnet(pipe: Any, strong: Guard, guess: bool) -> None:
    torch.manual_seed(3)
    control = ControlNetModel.from_unet(pipe.unet, conditioning_embedding_out_channels=(16, 32, 64)).eval()
    for zero in (*control.controlnet_down_blocks, control.controlnet_mid_block):
        torch.nn.init.normal_(zero.weight, std=0.02)
    sibling = StableDiffusionControlNetPipeline.from_pipe(pipe, controlnet=control)
    guards(sibling, strong, lambda p: draw(p, image=PICTURE, guess_mode=guess))


def ip_adapter(unet: Any, width: int) -> dict[str, dict[str, torch.Tensor]]:
    """A random one, in the form of a file."""
    torch.manual_seed(4)
    layers, place = {}, 1
    for name in unet.attn_processors:
        if "attn2" in name:
            layer = unet.get_submodule(name.removesuffix(".processor"))
            own = IPAdapterAttnProcessor(layer.to_q.out_features, unet.config.cross_attention_dim).state_dict()
            layers |= {f"{place}.{key}_ip.weight": own[f"{key}_ip.0.weight"] for key in ("to_k", "to_v")}
            place += 2
    image = ImageProjection(width, unet.config.cross_attention_dim, num_image_text_embeds=4)
    names = {"image_embeds.weight": "proj.weight", "image_embeds.bias": "proj.bias"}
    return {"image_proj": {names.get(k, k): v for k, v in image.state_dict().items()}, "ip_adapter": layers}


@pytest.mark.parametrize("when", ["before", "during"])
def test_an_ip_adapter(pipe: Any, strong: Guard, when: str) -> None:
    adapter, plain = ip_adapter(pipe.unet, 24), draw(pipe)
    pictures = torch.randn(4, 1, 24, generator=torch.Generator().manual_seed(0))
    undo = strong.attach(pipe) if when == "during" else lambda: None
    pipe.unet._load_ip_adapter_weights([adapter])
    with_picture = {"ip_adapter_image_embeds": [pictures]}
    if when == "before":
        undo = strong.attach(pipe)
    during = draw(pipe, **with_picture)
    undo()
    bare = draw(pipe, **with_picture)
    name, other = difference(during, bare)
    assert name > 3
    assert other == 0
    assert max(difference(bare, plain)) > 0.1, "the adapter is in the picture"


def test_prompts_that_are_drawn_again_are_drawn_alike(pipe: Any, strong: Guard) -> None:
    with strong.attached(pipe):
        first = draw(pipe, [NAME, OTHER])
        assert np.array_equal(draw(pipe, [NAME, OTHER]), first)
        swapped = draw(pipe, [OTHER, NAME])
    assert not np.array_equal(swapped, first)
