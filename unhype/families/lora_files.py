"""A static LoRA in the words of those who load one: factors of each site → tensors by the keys of a published format.

``diffusers``  as its training scripts write: ``unet.….lora.down.weight``, for Flux ``transformer.….lora_A.weight``
``peft``       as peft names matrices: ``unet.….lora_A.weight``; its configuration goes into the file's metadata
``kohya``      as web interfaces read: ``lora_unet_….lora_down.weight`` and ``.alpha``

All three are taken by diffusers' ``load_lora_weights``. Kohya's keys follow the layers of the original code: those
of diffusers for Stable Diffusion 1 and 2; blocks in one row for XL; queries, keys and values as one layer for Flux.

α equals the rank everywhere: the factors carry their scale, and a loader that divides α by the rank multiplies by 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import nn

from unhype.adapters.lora import Factors
from unhype.adapters.sites import layer_at
from unhype.errors import UnhypeError

FORMATS = ("diffusers", "peft", "kohya")

Tensors = dict[str, torch.Tensor]


class Named(Protocol):
    """What is asked of a :class:`~unhype.families.family.Family` here."""

    @property
    def name(self) -> str: ...
    @property
    def part(self) -> str: ...
    @property
    def bare_denoiser(self) -> nn.Module: ...


def check_format(form: str) -> None:
    """Refuse a format that is not known.

    Raises:
        UnhypeError: it is none of ``FORMATS``.
    """
    if form not in FORMATS:
        raise UnhypeError(f"got the format {form!r}, wanted one of {', '.join(FORMATS)}")


def lora_tensors(family: Named, factors: Mapping[str, Factors], form: str) -> Tensors:
    """The tensors of a LoRA file.

    Args:
        factors: site name → factors of one sample, ``A [1, r, i]`` and ``B [1, o, r]``.
        form: one of ``FORMATS``.

    Raises:
        UnhypeError: another format, or one that does not know this family or site.
    """
    check_format(form)
    if form == "kohya":
        if family.name not in KOHYA:
            raise UnhypeError(
                f"got the format kohya for {family.name}, wanted one of {', '.join(KOHYA)}: no names of its layers are "
                "published there; use --format diffusers"
            )
        return KOHYA[family.name](family.bare_denoiser, factors)
    down, up = ("lora_A", "lora_B") if form == "peft" or family.name == "flux" else ("lora.down", "lora.up")
    tensors = {}
    for name, factor in factors.items():
        tensors[f"{family.part}.{name}.{down}.weight"] = factor.A[0]
        tensors[f"{family.part}.{name}.{up}.weight"] = factor.B[0]
    return tensors


def peft_configuration(part: str, factors: Mapping[str, Factors]) -> dict[str, Any]:
    """What peft must know to build the adapters, as ``save_lora_weights`` puts it into a file's metadata."""
    rank = rank_of(factors)
    return {f"{part}.r": rank, f"{part}.lora_alpha": rank, f"{part}.target_modules": list(factors)}


def rank_of(factors: Mapping[str, Factors]) -> int:
    """r, the same at every site."""
    return next(iter(factors.values())).A.shape[1]


# ---------------------------------------------------------------- kohya


def _layer(key: str, A: torch.Tensor, B: torch.Tensor) -> Tensors:
    return {
        f"{key}.lora_down.weight": A,
        f"{key}.lora_up.weight": B,
        f"{key}.alpha": torch.tensor(float(A.shape[0])),
    }


def _renamed(factors: Mapping[str, Factors], rename: Callable[[str], str]) -> Tensors:
    tensors: Tensors = {}
    for name, factor in factors.items():
        tensors |= _layer(rename(name).replace(".", "_"), factor.A[0], factor.B[0])
    return tensors


def _stable_diffusion(denoiser: nn.Module, factors: Mapping[str, Factors]) -> Tensors:
    return _renamed(factors, lambda name: f"lora_unet_{name}")


def _sdxl(denoiser: Any, factors: Mapping[str, Factors]) -> Tensors:
    """The original code counts the blocks of each half in one row; a block's attention is its second part."""
    per_block = denoiser.config.layers_per_block + 1

    def rename(name: str) -> str:
        if name == "add_embedding.linear_1":
            return "lora_unet_label_emb_0_0"
        found = re.fullmatch(r"(down|mid|up)_blocks?\.(?:(\d+)\.)?attentions\.(\d+)\.(.+)", name)
        if found is None:
            raise UnhypeError(f"got the site {name!r}, wanted one inside an attention block: use --format diffusers")
        half, block, place, rest = found.groups()
        if half == "mid":
            return f"lora_unet_middle_block_1_{rest}"
        row = int(block) * per_block + int(place)
        return f"lora_unet_{f'input_blocks_{row + 1}' if half == 'down' else f'output_blocks_{row}'}_1_{rest}"

    return _renamed(factors, rename)


_IMAGE, _WORDS = ("attn.to_q", "attn.to_k", "attn.to_v"), ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj")
_DOUBLE = {
    "img_attn_qkv": _IMAGE,
    "txt_attn_qkv": _WORDS,
    "img_attn_proj": ("attn.to_out.0",),
    "txt_attn_proj": ("attn.to_add_out",),
}
_SINGLE = {"linear1": (*_IMAGE, "proj_mlp"), "linear2": ("proj_out",)}
"""Layer of the original code → the layers that diffusers has made of it, in their order."""


def _flux(denoiser: nn.Module, factors: Mapping[str, Factors]) -> Tensors:
    """What diffusers has split has one LoRA there: ranks add up, and B is zero where nothing is adapted.

    The entries of text go by diffusers' own names, which web interfaces know too: diffusers loses them by kohya's.
    """
    if not all("transformer_blocks." in name for name in factors):
        return _renamed(factors, lambda name: f"lora_transformer_{name}")
    fused: dict[str, tuple[str, ...]] = {}
    for name in factors:
        block, number, rest = name.split(".", 2)
        table, kind = (_SINGLE, "single") if block == "single_transformer_blocks" else (_DOUBLE, "double")
        for layer, parts in table.items():
            if rest in parts:
                fused[f"lora_unet_{kind}_blocks_{number}_{layer}"] = tuple(f"{block}.{number}.{part}" for part in parts)
                break
        else:
            raise UnhypeError(f"got the site {name!r}, wanted one in attention: use --format diffusers")
    tensors: Tensors = {}
    for key, parts in fused.items():
        there = [factors[part] for part in parts if part in factors]
        A = torch.cat([factor.A[0] for factor in there])
        B = torch.zeros(sum(layer_at(denoiser, part).out_features for part in parts), len(A)).to(A)
        row = column = 0
        for part in parts:
            height = layer_at(denoiser, part).out_features
            if part in factors:
                width = factors[part].A.shape[1]
                B[row : row + height, column : column + width] = factors[part].B[0]
                column += width
            row += height
        tensors |= _layer(key, A, B)
    return tensors


KOHYA: Mapping[str, Callable[[Any, Mapping[str, Factors]], Tensors]] = {
    "stable_diffusion": _stable_diffusion,
    "sdxl": _sdxl,
    "flux": _flux,
}
"""Family → its layers by kohya's names."""
