"""A base without weights: a family whose modules lie on the meta device, where only shapes are computed.

What it can be asked: its sites, its sizes, and what a prediction costs.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.families.text import Text


class _Tokenizer:
    """Only how long its texts may be, and what ends them: that of its encoder."""

    def __init__(self, model_max_length: int, encoder: Any) -> None:
        self.model_max_length, self.eos_token_id = model_max_length, encoder.config.eos_token_id


def skeleton(
    configurations: Mapping[str, Mapping[str, Any]],
    dtype: torch.dtype,
    table: str | None = None,
    reads: str | None = None,
) -> Family:
    """A family on the meta device.

    Args:
        configurations: see :mod:`unhype.bases.configurations`.
        dtype: of all weights.
        table, reads: choices of sites and of what c is made of; the family's first by default.

    Raises:
        UnhypeError: parts that make no known family.
    """
    parts: dict[str, Any] = {}
    for name, configuration in configurations.items():
        if not name.startswith("tokenizer") and (module := _module(configuration)) is not None:
            parts[name] = module.to(dtype)
    for name, configuration in configurations.items():
        if name.startswith("tokenizer"):
            encoder = parts[name.replace("tokenizer", "text_encoder")]
            parts[name] = _Tokenizer(int(configuration["model_max_length"]), encoder)
    # A family asks its pipeline where to compute when its denoiser's weights are elsewhere.
    pipeline = SimpleNamespace(**parts, _execution_device=torch.device("meta"))
    pipeline.vae_scale_factor = 2 ** (len(parts["vae"].config.block_out_channels) - 1) if "vae" in parts else 8
    return family_of(pipeline, table, reads)


def recast(family: Family, dtype: torch.dtype, table: str | None = None, reads: str | None = None) -> Family:
    """The same base in another precision, or with other choices of sites and of what c is made of."""
    for module in modules(family).values():
        module.to(dtype)
    return family_of(family.pipeline, table, reads)


def _module(configuration: Mapping[str, Any]) -> nn.Module | None:
    import diffusers
    import transformers

    name = configuration["_class_name"]
    with torch.device("meta"):
        if kind := getattr(diffusers, name, None):
            if not issubclass(kind, nn.Module):
                return None
            known = inspect.signature(kind.__init__).parameters
            return kind(**{key: value for key, value in configuration.items() if key in known})
        kind = getattr(transformers, name)
        settings = {key: value for key, value in configuration.items() if not key.startswith("_")}
        return kind(kind.config_class(**settings))


def modules(family: Family) -> dict[str, nn.Module]:
    """Part → module: denoiser, text encoders, VAE."""
    return {**family.parts, "vae": family.pipeline.vae}


def pixels_of(family: Family, side: int) -> int:
    """Pixels a side of a picture whose latents have so many."""
    return side * int(family.pipeline.vae_scale_factor)


def latent_shape(family: Family, pixels: int | None) -> tuple[int, int, int]:
    """``(C, h, w)`` of a picture of so many pixels a side; the family's usual size by default."""
    channels, height, width = family.latent_shape
    if pixels is None:
        return channels, height, width
    side = pixels // family.pipeline.vae_scale_factor
    return channels, side, side


def text_of(family: Family, n: int) -> Text:
    """n texts of full length, as the denoiser reads them."""
    config = family.config

    def empty(*shape: int) -> torch.Tensor:
        return torch.empty(*shape, device="meta", dtype=family.dtype)

    if "joint_attention_dim" in config:
        return Text(empty(n, _length(family), config.joint_attention_dim), empty(n, config.pooled_projection_dim))
    states = empty(n, family.pipeline.tokenizer.model_max_length, config.cross_attention_dim)
    return Text(states, empty(n, family.width) if config.get("addition_embed_type") else None)


def _length(family: Family) -> int:
    """Tokens that the longest text has: T5's are cut to the family's choice."""
    limits = [int(getattr(family.pipeline, name).model_max_length) for _, name in family.encoders]
    return min(max(limits), int(getattr(family, "length", max(limits))))


def encode(family: Family, n: int) -> None:
    """n texts of full length through every text encoder."""
    for encoder, tokenizer in family.encoders:
        length = min(getattr(family.pipeline, tokenizer).model_max_length, _length(family))
        ids = torch.zeros(n, length, dtype=torch.long, device="meta")
        getattr(family.pipeline, encoder)(ids)


def decode(family: Family, latents: torch.Tensor) -> torch.Tensor:
    """Latents ``[n, C, h, w]`` → pixels, as the pipeline does in one go."""
    pixels: torch.Tensor = family.pipeline.vae.decode(latents.to(family.dtype), return_dict=False)[0]
    return pixels


def rows_a_picture(family: Family, guidance: float) -> int:
    """Rows of a batch that a picture takes: two with classifier-free guidance, one where guidance is an embedding."""
    return 1 if guidance <= 1 or "guidance_embeds" in family.config else 2


def parameters(family: Family) -> dict[str, int]:
    """Part → its number of parameters: denoiser, text encoders, VAE."""
    return {name: sum(p.numel() for p in module.parameters()) for name, module in modules(family).items()}
