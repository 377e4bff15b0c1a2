"""Pipelines of every family in miniature: random weights, true shapes, built from configuration in a moment.

Their pictures mean nothing; what they compute is what the big ones compute. Weights are larger than usual at the start
of a training, so that names are told apart and prompts change pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from torch import nn

TOKENIZER = Path(__file__).resolve().parents[2] / "data" / "bases" / "mini-sd" / "tokenizer"
SD_LENGTH = 77
T5_LENGTH = 40
SIZE = 16
"""Pixels of a picture; the VAE halves them."""
WIDTH = 96
"""Of CLIP's states. In sixteen dimensions a name can't be told from the words around it."""


def sd1() -> Any:
    """Stable Diffusion 1.x: predicts noise."""
    return _stable_diffusion(seed=1, prediction_type="epsilon")


def sd2() -> Any:
    """Stable Diffusion 2.x: predicts velocity, with linear projections around attention."""
    return _stable_diffusion(seed=2, prediction_type="v_prediction", use_linear_projection=True)


def sdxl() -> Any:
    """Stable Diffusion XL: two CLIPs, time ids, an empty negative prompt that is zeros."""
    torch.manual_seed(3)
    unet = _unet(
        cross_attention_dim=2 * WIDTH,
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=WIDTH + 6 * 4,
        transformer_layers_per_block=(1, 2),
        use_linear_projection=True,
    )
    pipeline = diffusers.StableDiffusionXLPipeline(
        vae=_vae(scaling_factor=0.13025),
        text_encoder=_clip(),
        text_encoder_2=_clip(projection_dim=WIDTH),
        tokenizer=_tokenizer(),
        tokenizer_2=_tokenizer(),
        unet=unet,
        scheduler=diffusers.EulerDiscreteScheduler(**SCHEDULE, timestep_spacing="leading", steps_offset=1),
        force_zeros_for_empty_prompt=True,
        add_watermarker=False,
    )
    return _quiet(pipeline)


def flux_dev() -> Any:
    """Flux.1-dev: guidance is an embedding, and the schedule shifts with the size of the picture."""
    return _flux(4, True, use_dynamic_shifting=True, shift=3.0)


def flux_schnell() -> Any:
    """Flux.1-schnell: no guidance, and no shift."""
    return _flux(5, False, use_dynamic_shifting=False, shift=1.0)


BUILDERS: dict[str, Callable[[], Any]] = {
    "sd1": sd1,
    "sd2": sd2,
    "sdxl": sdxl,
    "flux_dev": flux_dev,
    "flux_schnell": flux_schnell,
}

SCHEDULE: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def _stable_diffusion(seed: int, prediction_type: str, **unet: Any) -> Any:
    torch.manual_seed(seed)
    pipeline = diffusers.StableDiffusionPipeline(
        vae=_vae(scaling_factor=0.18215),
        text_encoder=_clip(),
        tokenizer=_tokenizer(),
        unet=_unet(cross_attention_dim=WIDTH, **unet),
        scheduler=diffusers.DDIMScheduler(
            **SCHEDULE, prediction_type=prediction_type, clip_sample=False, set_alpha_to_one=False, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    return _quiet(pipeline)


def _flux(seed: int, guidance: bool, **scheduler: Any) -> Any:
    torch.manual_seed(seed)
    transformer = diffusers.FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=24,
        pooled_projection_dim=WIDTH,
        guidance_embeds=guidance,
        axes_dims_rope=(4, 4, 8),
    )
    pipeline = diffusers.FluxPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, **scheduler),
        vae=_vae(scaling_factor=0.3611, shift_factor=0.1159, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=_clip(),
        tokenizer=_tokenizer(),
        text_encoder_2=_t5(),
        tokenizer_2=_pieces(),
        transformer=_lively(transformer),
    )
    return _quiet(pipeline)


def _unet(**options: Any) -> nn.Module:
    return _lively(
        diffusers.UNet2DConditionModel(
            sample_size=SIZE // 2,
            in_channels=4,
            out_channels=4,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            attention_head_dim=2,
            norm_num_groups=4,
            **options,
        )
    )


def _vae(**options: Any) -> nn.Module:
    return diffusers.AutoencoderKL(
        sample_size=SIZE,
        block_out_channels=(4, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=4,
        layers_per_block=1,
        **options,
    ).eval()


def _clip(projection_dim: int | None = None) -> nn.Module:
    """With a projection, as Stable Diffusion XL's second one, or without."""
    config = transformers.CLIPTextConfig(
        vocab_size=2304,
        hidden_size=WIDTH,
        intermediate_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=SD_LENGTH,
        bos_token_id=2302,
        eos_token_id=2303,
        pad_token_id=2303,
        projection_dim=projection_dim or WIDTH,
    )
    kind = transformers.CLIPTextModelWithProjection if projection_dim else transformers.CLIPTextModel
    model = _lively(kind(config))
    with (
        torch.no_grad()
    ):  # as in a trained one: who is meant counts for more than where it stands, and all words are heard
        for name, parameter in model.named_parameters():
            if "position_embedding" in name:
                parameter.mul_(0.02)
            elif "q_proj" in name:
                parameter.mul_(0.3)
    return model


def _tokenizer() -> Any:
    return transformers.CLIPTokenizer.from_pretrained(TOKENIZER, model_max_length=SD_LENGTH)


def _t5() -> nn.Module:
    config = transformers.T5Config(
        vocab_size=len(_vocabulary()) + 100,
        d_model=24,
        d_kv=8,
        d_ff=32,
        num_layers=2,
        num_heads=2,
        feed_forward_proj="gated-gelu",
        dropout_rate=0.0,
        initializer_factor=1.0,
    )
    return transformers.T5EncoderModel(config).eval()


def _pieces() -> Any:
    return transformers.T5Tokenizer(vocab=_vocabulary(), model_max_length=T5_LENGTH)


def _vocabulary() -> list[tuple[str, float]]:
    """Letters, beginnings of words, and some whole words that prompts are full of."""
    letters = [*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,'-"]
    words = ["▁a", "▁photo", "▁of", "▁the", "▁and", "▁in", "▁portrait", "▁man", "▁woman", "▁with"]
    pieces = [("▁", -6.0), *((letter, -6.0) for letter in letters), *((word, -3.0) for word in words)]
    return [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -20.0), *pieces]


def _lively(model: nn.Module) -> nn.Module:
    """Weights of unit gain, embeddings of unit size: what goes in can be seen in what comes out."""
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
    return model.eval()


def _quiet(pipeline: Any) -> Any:
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
