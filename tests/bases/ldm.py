"""Stable Diffusion 1 as the communities share it: one file, its weights by the names of the original code.

The way back from diffusers' names, so that its own conversion can be tried on a model of any size.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
EDGES = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def write_single_file(pipeline: Any, path: Path) -> Path:
    """Write a Stable Diffusion 1 pipeline's weights as one file."""
    tensors = {f"model.diffusion_model.{name}": tensor for name, tensor in _unet(pipeline.unet).items()}
    tensors |= {f"first_stage_model.{name}": tensor for name, tensor in _vae(pipeline.vae).items()}
    for name, tensor in pipeline.text_encoder.state_dict().items():
        bare = name.removeprefix("text_model.")
        tensors[f"cond_stage_model.transformer.text_model.{bare}"] = tensor
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return path


def _unet(unet: Any) -> dict[str, torch.Tensor]:
    each = unet.config.layers_per_block + 1
    found = {}
    for name, tensor in unet.state_dict().items():
        module, kind = name.rsplit(".", 1)
        if module in EDGES:
            found[f"{EDGES[module]}.{kind}"] = tensor
            continue
        side, rest = re.fullmatch(r"(down_blocks\.\d+|up_blocks\.\d+|mid_block)\.(.*)", name).groups()  # type: ignore[union-attr]
        what, number, inner = re.fullmatch(r"(\w+)\.(\d+)\.(.*)", rest).groups()  # type: ignore[union-attr]
        number, block = int(number), int(side.rsplit(".", 1)[1]) if "." in side else 0
        if what == "resnets":
            layer, kind = inner.rsplit(".", 1)
            inner = f"{RESNET[layer]}.{kind}"
        if side == "mid_block":
            found[f"middle_block.{1 if what == 'attentions' else 2 * number}.{inner}"] = tensor
        elif side.startswith("down"):
            if what == "downsamplers":
                found[f"input_blocks.{1 + block * each + each - 1}.0.op.{inner.removeprefix('conv.')}"] = tensor
            else:
                found[f"input_blocks.{1 + block * each + number}.{int(what == 'attentions')}.{inner}"] = tensor
        elif what == "upsamplers":
            place = 2 if hasattr(unet.up_blocks[block], "attentions") else 1
            found[f"output_blocks.{block * each + each - 1}.{place}.{inner}"] = tensor
        else:
            found[f"output_blocks.{block * each + number}.{int(what == 'attentions')}.{inner}"] = tensor
    return found


def _vae(vae: Any) -> dict[str, torch.Tensor]:
    last = len(vae.config.up_block_types) - 1
    found = {}
    for name, tensor in vae.state_dict().items():
        if ".attentions.0." in name:
            for ours, theirs in ATTENTION.items():
                name = name.replace(f".attentions.0.{ours}.", f".attn_1.{theirs}.")
            name = name.replace("mid_block", "mid")
            found[name] = tensor[:, :, None, None] if tensor.ndim == 2 else tensor
            continue
        name = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
        name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
        name = re.sub(r"down_blocks\.(\d+)\.resnets\.", r"down.\1.block.", name)
        name = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0\.", r"down.\1.downsample.", name)
        name = re.sub(r"up_blocks\.(\d+)\.resnets\.", lambda m: f"up.{last - int(m[1])}.block.", name)
        name = re.sub(r"up_blocks\.(\d+)\.upsamplers\.0\.", lambda m: f"up.{last - int(m[1])}.upsample.", name)
        found[name] = tensor
    return found
