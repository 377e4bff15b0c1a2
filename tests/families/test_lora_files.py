"""LoRA files in published keys: diffusers' own converters read back the ΔW of every site."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import FluxTransformer2DModel, UNet2DConditionModel
from diffusers.loaders import FluxLoraLoaderMixin, StableDiffusionLoraLoaderMixin, StableDiffusionXLLoraLoaderMixin

from unhype.adapters.lora import Factors
from unhype.adapters.sites import find_sites
from unhype.errors import UnhypeError
from unhype.families.flux import Flux
from unhype.families.lora_files import lora_tensors, peft_configuration
from unhype.families.sdxl import StableDiffusionXL
from unhype.families.stable_diffusion import StableDiffusion

RANK = 3


def unet(**options: Any) -> UNet2DConditionModel:
    """With the blocks of Stable Diffusion XL, in little."""
    with torch.device("meta"):
        return UNet2DConditionModel(
            block_out_channels=(32, 64, 64),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2, 3),
            cross_attention_dim=24,
            attention_head_dim=8,
            norm_num_groups=8,
            **options,
        )


def flux() -> FluxTransformer2DModel:
    """Of the true width, which diffusers' converter takes for granted, but without weights."""
    with torch.device("meta"):
        return FluxTransformer2DModel(num_layers=2, num_single_layers=2)


def factors_of(model: torch.nn.Module, table: Any) -> dict[str, Factors]:
    torch.manual_seed(0)
    return {
        site.name: Factors(torch.randn(1, RANK, site.inputs), torch.randn(1, site.outputs, RANK))
        for site in find_sites(model, table)
    }


def products(state: dict[str, torch.Tensor], alphas: dict[str, float], part: str) -> dict[str, torch.Tensor]:
    """Site → ΔW, as peft would build it from what a converter gave."""
    found = {}
    for key, down in state.items():
        for below, above in ((".lora_A.", ".lora_B."), (".lora.down.", ".lora.up."), ("_lora.down.", "_lora.up.")):
            if below in key:
                name = key.split(below)[0].removeprefix(f"{part}.").replace(".processor.", ".")
                alpha = next((value for k, value in alphas.items() if name in k.replace(".processor.", ".")), len(down))
                found[name] = alpha / len(down) * state[key.replace(below, above)] @ down
    return found


@pytest.mark.parametrize("form", ["diffusers", "peft", "kohya"])
@pytest.mark.parametrize("table", list(StableDiffusionXL.tables))
def test_xl_is_read_back_by_diffusers(form: str, table: str) -> None:
    model = unet(addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=80)
    factors = factors_of(model, StableDiffusionXL.tables[table])
    tensors = lora_tensors(SimpleNamespace(name="sdxl", part="unet", bare_denoiser=model), factors, form)
    state, alphas = StableDiffusionXLLoraLoaderMixin.lora_state_dict(dict(tensors), unet_config=model.config)
    assert same(products(state, alphas or {}, "unet"), factors)
    if form == "kohya":
        assert "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_down.weight" in tensors


@pytest.mark.parametrize("form", ["diffusers", "peft", "kohya"])
def test_stable_diffusion_is_read_back_by_diffusers(form: str) -> None:
    model = unet()
    factors = factors_of(model, StableDiffusion.text_table)
    tensors = lora_tensors(SimpleNamespace(name="stable_diffusion", part="unet", bare_denoiser=model), factors, form)
    state, alphas = StableDiffusionLoraLoaderMixin.lora_state_dict(dict(tensors))
    assert same(products(state, alphas or {}, "unet"), factors)
    if form == "kohya":
        key = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
        assert {f"{key}.lora_down.weight", f"{key}.lora_up.weight", f"{key}.alpha"} <= set(tensors)
        assert tensors[f"{key}.alpha"] == RANK


@pytest.mark.parametrize("form", ["diffusers", "peft", "kohya"])
@pytest.mark.parametrize("table", list(Flux.tables))
def test_flux_is_read_back_by_diffusers(form: str, table: str) -> None:
    model = flux()
    factors = factors_of(model, Flux.tables[table])
    tensors = lora_tensors(SimpleNamespace(name="flux", part="transformer", bare_denoiser=model), factors, form)
    state = FluxLoraLoaderMixin.lora_state_dict(dict(tensors))
    assert all(key.startswith("transformer.") for key in state), "diffusers drops what has another prefix"
    found = products(state, {}, "transformer")
    assert same({name: found[name] for name in factors}, factors)
    assert not any(found[name].any() for name in set(found) - set(factors)), "queries and keys stay as they are"
    if form == "kohya" and table == "published":
        assert tensors["lora_unet_single_blocks_1_linear1.lora_up.weight"].shape == (3 * 3072 + 4 * 3072, RANK)


def same(found: dict[str, torch.Tensor], factors: dict[str, Factors]) -> bool:
    return set(found) == set(factors) and all(
        torch.allclose(found[name], factor.merged()[0], rtol=1e-4, atol=1e-4) for name, factor in factors.items()
    )


def test_two_parts_of_one_layer_of_flux_stay_apart() -> None:
    model = flux()
    factors = factors_of(model, {"attn.to_v": "hidden", "attn.to_k": "hidden"})
    tensors = lora_tensors(SimpleNamespace(name="flux", part="transformer", bare_denoiser=model), factors, "kohya")
    assert tensors["lora_unet_double_blocks_0_img_attn_qkv.alpha"] == 2 * RANK
    found = products(FluxLoraLoaderMixin.lora_state_dict(dict(tensors)), {}, "transformer")
    assert same({name: found[name] for name in factors}, factors)


def test_peft_is_told_rank_alpha_and_layers() -> None:
    factors = factors_of(unet(), StableDiffusion.text_table)
    told = peft_configuration("unet", factors)
    assert (told["unet.r"], told["unet.lora_alpha"]) == (RANK, RANK)
    assert told["unet.target_modules"] == list(factors)


def test_what_has_no_published_keys_is_refused() -> None:
    model = unet()
    family = SimpleNamespace(name="toy", part="unet", bare_denoiser=model)
    factors = factors_of(model, StableDiffusion.text_table)
    with pytest.raises(UnhypeError, match="no names of its layers are published"):
        lora_tensors(family, factors, "kohya")
    with pytest.raises(UnhypeError, match="got the format 'safetensors'"):
        lora_tensors(family, factors, "safetensors")
    odd = {"conv_in": next(iter(factors.values()))}
    with pytest.raises(UnhypeError, match="wanted one inside an attention block"):
        lora_tensors(SimpleNamespace(name="sdxl", part="unet", bare_denoiser=model), odd, "kohya")
