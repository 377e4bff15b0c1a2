"""Which pipeline is it, and is it whole? Asked of a folder's index, or of a single file's header; nothing is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import Any

from unhype.bases.finding import LEFT_OUT, Source
from unhype.bases.hashing import header_of
from unhype.errors import UnhypeError
from unhype.files import describe

SINGLE_FILES = {
    "double_blocks.0.img_attn.qkv.weight": "FluxPipeline",
    "model.diffusion_model.double_blocks.0.img_attn.qkv.weight": "FluxPipeline",
    "conditioner.embedders.1.model.ln_final.weight": "StableDiffusionXLPipeline",
    "cond_stage_model.model.ln_final.weight": "StableDiffusionPipeline",
    "cond_stage_model.transformer.text_model.final_layer_norm.weight": "StableDiffusionPipeline",
}
"""A tensor that only one family's single files have → its pipeline."""

ENTRANCES = {"model.diffusion_model.input_blocks.0.0.weight": 4, "img_in.weight": 64}
"""Where noisy latents come in → how many channels they have; more are those of a mask or of another picture."""

UNSAFE = (".bin", ".ckpt", ".pt", ".pth")
"""Endings of weights that can run code when they are read."""


def plain_pipeline(source: Source) -> str:
    """The name of the diffusers pipeline that a fetched base is.

    Raises:
        UnhypeError: a damaged folder, one without some of its parts or with weights in other formats; or a single file
            of no known family.
    """
    if source.file:
        return _told_by_keys(source.file)
    assert source.folder is not None
    index = read_index(source.folder)
    for name, (library, _) in parts_of(index).items():
        if library is not None and name not in LEFT_OUT:
            check_part(source.folder, name)
    return str(index["_class_name"])


def read_index(folder: Path) -> dict[str, Any]:
    """A folder's ``model_index.json``.

    Raises:
        UnhypeError: it is not there, or damaged.
    """
    path = folder / "model_index.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content["_class_name"], str):
            raise ValueError(f"_class_name is {content['_class_name']!r}")
    except OSError as error:
        raise UnhypeError(f"{describe(error, path)}; wanted a diffusers folder of a whole pipeline") from error
    except (ValueError, KeyError, TypeError) as error:
        why = f"no {error}" if isinstance(error, KeyError) else error
        raise UnhypeError(f"got a damaged {path} ({why}), wanted diffusers' own: fetch the base again") from error
    return dict(content)


def parts_of(index: Mapping[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    """Part's name → library and class, as an index says it."""
    return {
        name: (value[0], value[1])
        for name, value in index.items()
        if not name.startswith("_") and isinstance(value, list) and len(value) == 2
    }


def numbers_of(source: Source, names: Iterable[str] | None = None) -> int:
    """How many numbers a fetched base keeps as weights.

    Args:
        names: of the parts that count; all that are loaded by default.
    """
    folder = source.folder
    if source.file:
        files = [source.file]
    else:
        assert folder is not None
        chosen = [name for name in parts_of(read_index(folder)) if name not in LEFT_OUT] if names is None else names
        files = [path for name in chosen for path in _weights(folder / name)]
    return sum(prod(facts["shape"]) for path in files for facts in header_of(path).values())


def _weights(folder: Path) -> list[Path]:
    """The files of a part that are loaded: not its variants (``model.fp16.safetensors``), if it has others."""
    files = sorted(folder.glob("*.safetensors"))
    return [path for path in files if path.name.count(".") == 1] or files


def check_part(base: Path, name: str) -> None:
    """Refuse a folder in which a part is not there, or has no weights that are safe to read.

    Raises:
        UnhypeError: it is so.
    """
    folder = base / name
    files = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    if not files:
        raise UnhypeError(
            f"got no {folder}, which model_index.json lists, wanted a whole pipeline: fetch the base again"
        )
    plain = [name for name in files if name.endswith(".safetensors")]
    if odd := sorted(name for name in files if Path(name).suffix in UNSAFE and not plain):
        raise UnhypeError(
            f"got {folder / odd[0]} and no .safetensors beside it, wanted safetensors: other formats can run code when "
            "they are read; fetch a base that has them, or convert it where you trust it"
        )
    if "config.json" in files and not plain:
        raise UnhypeError(f"got no weights in {folder}, wanted a .safetensors file there: fetch the base again")


def _told_by_keys(path: Path) -> str:
    tensors = header_of(path)
    kind = next((kind for name, kind in SINGLE_FILES.items() if name in tensors), None)
    if kind is None:
        raise UnhypeError(
            f"got {path}, whose {len(tensors)} tensors are those of no family that is known, wanted a checkpoint of "
            "Stable Diffusion 1, 2, XL or Flux: a LoRA or a VAE alone is none"
        )
    for name, channels in ENTRANCES.items():
        if name in tensors and tensors[name]["shape"][1] != channels:
            raise UnhypeError(
                f"got {path}, a model of {tensors[name]['shape'][1]} input channels (inpainting, or guided by another "
                f"picture), wanted one that draws from text, with {channels}"
            )
    return kind
