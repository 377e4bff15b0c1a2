"""From a finished workshop to the folders that ship, in fp16.

They are mini-sd (a plain diffusers pipeline), mini-clip and mini-judge.
Also the way back: :func:`load_judge` and :func:`load_clip` read what was shipped, every byte checked.
"""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

from unhype.bases.cards import publish, verify
from unhype.errors import UnhypeError
from unhype.files import write_tensors, write_text
from unhype.miniature.canvas import SIZE
from unhype.miniature.denoiser import build_scheduler
from unhype.miniature.examining import calibrate
from unhype.miniature.folders import BASE, CLIP, JUDGE, WORLD
from unhype.miniature.judge import Judge, JudgeConfig
from unhype.miniature.workshop import Workshop

PREPROCESSING = {
    "image_processor_type": "CLIPImageProcessor",
    "size": {"shortest_edge": SIZE},
    "crop_size": {"height": SIZE, "width": SIZE},
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}
"""How pictures reach mini-clip: 64 × 64, in [−1, 1]."""

Module = TypeVar("Module", bound=torch.nn.Module)


def ship(shop: Workshop, data: Path) -> None:
    """Write the three model folders below ``data``, each whole or not at all."""
    facts = {"world": WORLD, "recipe": asdict(shop.settings), "trained_on": shop.device.type}
    publish(
        data / CLIP, lambda folder: _write_clip(shop, folder), {**facts, "kind": "clip", "parameters": size(shop.clip)}
    )
    config = calibrate(shop.judge)
    judge = {**facts, "kind": "judge", "parameters": size(shop.judge), "judge": asdict(config)}
    publish(data / JUDGE, lambda folder: _write_judge(shop, folder), judge)
    parts = {"unet": shop.denoiser, "vae": shop.standard_autoencoder, "text_encoder": shop.clip.text_model}
    sizes = {name: size(module) for name, module in parts.items()}
    publish(
        data / BASE,
        lambda folder: _write_base(shop, folder),
        {**facts, "kind": "stable-diffusion", "parameters": sizes},
    )


def load_judge(folder: Path) -> Judge:
    """The shipped judge in float32, ready to read.

    Raises:
        UnhypeError: see :func:`unhype.bases.cards.verify`; or the weights do not fit this version's judge.
    """
    card = verify(folder)
    if card.get("kind") != "judge":
        raise UnhypeError(
            f"got kind {card.get('kind')!r} in {folder / 'card.json'}, wanted 'judge': point to a judge's folder"
        )
    judge = Judge(JudgeConfig(**card["judge"]))
    try:
        judge.load_state_dict({k: v.float() for k, v in load_file(folder / "model.safetensors").items()}, strict=True)
    except RuntimeError as error:
        raise UnhypeError(
            f"got weights in {folder} that do not fit this version's judge: {' '.join(str(error).split())[:200]}"
        ) from error
    return judge.eval()


def load_clip(folder: Path) -> tuple[CLIPModel, CLIPTokenizer]:
    """The shipped CLIP in float32 and its tokenizer.

    Raises:
        UnhypeError: see :func:`unhype.bases.cards.verify`.
    """
    verify(folder)
    return CLIPModel.from_pretrained(folder, dtype=torch.float32).eval(), CLIPTokenizer.from_pretrained(folder)


def _write_base(shop: Workshop, folder: Path) -> None:
    from diffusers import StableDiffusionPipeline  # here, after its chatter about optional packages was turned off

    vae = half(shop.standard_autoencoder)
    vae.register_to_config(scaling_factor=1.0)
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=_text_encoder(shop),
        tokenizer=shop.tokenizer,
        unet=half(shop.denoiser),
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    declare_float32(folder / "text_encoder" / "config.json")


def _text_encoder(shop: Workshop) -> CLIPTextModel:
    encoder = CLIPTextModel(shop.clip.config.text_config)
    encoder.load_state_dict(shop.clip.text_model.state_dict(), strict=True)
    return half(encoder)


def declare_float32(config: Path) -> None:
    """Have transformers load the weights in float32, as diffusers loads its own, though they lie there in fp16."""
    write_text(
        config, json.dumps({**json.loads(config.read_text(encoding="utf-8")), "dtype": "float32"}, indent=2) + "\n"
    )


def _write_clip(shop: Workshop, folder: Path) -> None:
    half(shop.clip).save_pretrained(folder, safe_serialization=True)
    declare_float32(folder / "config.json")
    shop.tokenizer.save_pretrained(folder)
    write_text(folder / "preprocessor_config.json", json.dumps(PREPROCESSING, indent=2) + "\n")


def _write_judge(shop: Workshop, folder: Path) -> None:
    write_tensors(
        folder / "model.safetensors", {k: v.half() for k, v in shop.judge.state_dict().items()}, {"format": "pt"}
    )


def half(model: Module) -> Module:
    """A copy in fp16, on the CPU, in the default memory format."""
    return copy.deepcopy(model).cpu().half().to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]


def size(model: torch.nn.Module) -> int:
    """Parameters of a model."""
    return sum(parameter.numel() for parameter in model.parameters())
