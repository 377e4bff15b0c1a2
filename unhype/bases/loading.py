"""From a base to a pipeline: checked, strict, safetensors only, nobody's code but diffusers' own.

Which pipeline it is, a folder says in its ``model_index.json``; of a single file diffusers tells by its keys, and takes the
configuration from the family's hub page, or from a folder that is named. No safety checker: its black pictures would count
as forgotten.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unhype.bases.cards import verify
from unhype.bases.finding import Source
from unhype.errors import UnhypeError
from unhype.files import describe

DTYPES = ("auto", "float32", "bf16", "fp16")
DEVICES = ("auto", "cpu", "cuda", "mps")

SINGLE_FILES = {
    "double_blocks.0.img_attn.qkv.weight": "FluxPipeline",
    "model.diffusion_model.double_blocks.0.img_attn.qkv.weight": "FluxPipeline",
    "conditioner.embedders.1.model.ln_final.weight": "StableDiffusionXLPipeline",
    "cond_stage_model.model.ln_final.weight": "StableDiffusionPipeline",
    "cond_stage_model.transformer.text_model.final_layer_norm.weight": "StableDiffusionPipeline",
}
"""A tensor that only one family's single files have → its pipeline."""


@dataclass(frozen=True)
class BaseSettings:
    """How a base is loaded.

    Attributes:
        dtype: precision of the frozen base; ``auto`` is the family's own (bf16 for SDXL and Flux, on a CPU float32).
        device: ``auto`` takes a GPU where there is one.
        config: of a single file: a folder or hub id with the configuration of its family; empty for diffusers' choice.
        cache_gb: memory for encoded prompts while a guard is trained; where they fit, text encoders leave the device.
    """

    dtype: str = "auto"
    device: str = "auto"
    config: str = ""
    cache_gb: float = 4.0

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES or self.device not in DEVICES or self.cache_gb < 0:
            raise ValueError(
                f"got {self}, wanted a dtype of {', '.join(DTYPES)}, a device of {', '.join(DEVICES)} and cache_gb ≥ 0"
            )


def fetched(source: Source) -> Source:
    """The same with its files here: those of a hub id are taken from the local cache, or downloaded.

    Raises:
        UnhypeError: offline, gated, no such repository, no space: in one line each.
    """
    if not source.hub:
        return source
    from diffusers import DiffusionPipeline

    with _hub(source):
        folder = DiffusionPipeline.download(source.hub, use_safetensors=True)
    return replace(source, folder=Path(folder), hub="")


def load_pipeline(base: Source | str | Path, dtype: str = "float32", device: str = "cpu", config: str = "") -> Any:
    """A base as a plain diffusers pipeline, without a progress bar of its own.

    Args:
        base: where it lies; a path is a diffusers folder.
        dtype: ``float32``, ``bf16`` or ``fp16``.
        config: see :class:`BaseSettings`.

    Raises:
        UnhypeError: see :func:`unhype.bases.cards.verify` and :func:`fetched`; or a pipeline that diffusers does not
            have, a single file of no known family, files that do not fit, or too little memory.
    """
    source = fetched(base if isinstance(base, Source) else Source(str(base), folder=Path(base)))
    import torch

    kind = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[dtype]
    with _loading(source):
        pipeline = _from_file(source, kind, config) if source.file else _from_folder(source, kind)
        pipeline.to(device)
    for name in ("unet", "vae"):
        if part := getattr(pipeline, name, None):
            part.to(memory_format=torch.channels_last)  # a tenth faster on a CPU, and usual on a GPU
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def plain_pipeline(source: Source) -> str:
    """The name of the diffusers pipeline that a fetched base is.

    Raises:
        UnhypeError: a damaged folder, or a single file of no known family.
    """
    if source.file:
        return _told_by_keys(source.file)
    assert source.folder is not None
    index = source.folder / "model_index.json"
    try:
        return str(json.loads(index.read_text(encoding="utf-8"))["_class_name"])
    except OSError as error:
        raise UnhypeError(f"{describe(error, index)}; wanted a diffusers folder of a whole pipeline") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UnhypeError(f"got a damaged {index} ({error}), wanted diffusers' own: fetch the base again") from error


def _from_folder(source: Source, dtype: Any) -> Any:
    from diffusers import DiffusionPipeline

    assert source.folder is not None
    verify(source.folder)
    plain_pipeline(source)
    parts = json.loads((source.folder / "model_index.json").read_text(encoding="utf-8"))
    options = {"safety_checker": None, "requires_safety_checker": False} if "safety_checker" in parts else {}
    return DiffusionPipeline.from_pretrained(
        source.folder, dtype=dtype, local_files_only=True, use_safetensors=True, **options
    )


def _from_file(source: Source, dtype: Any, config: str) -> Any:
    import diffusers

    assert source.file is not None
    kind = _told_by_keys(source.file)
    options: dict[str, Any] = {"config": config} if config else {}
    if kind == "StableDiffusionPipeline":
        options["safety_checker"] = None
    return getattr(diffusers, kind).from_single_file(str(source.file), torch_dtype=dtype, **options)


def _told_by_keys(path: Path) -> str:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            names = set(file.keys())
    except (SafetensorError, OSError) as error:
        raise UnhypeError(f"got a damaged {path} ({error}), wanted a safetensors file: fetch it again") from error
    kind = next((kind for name, kind in SINGLE_FILES.items() if name in names), None)
    if kind is None:
        raise UnhypeError(
            f"got {path}, whose {len(names)} tensors are those of no family that is known, wanted a checkpoint of "
            "Stable Diffusion 1, 2, XL or Flux: a LoRA or a VAE alone is none"
        )
    return kind


@contextmanager
def _loading(source: Source) -> Iterator[None]:
    """What goes wrong while weights are read, told to a person."""
    with _hub(source), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*safety checker.*")
        try:
            yield
        except UnhypeError:
            raise
        except MemoryError as error:
            raise UnhypeError(_short_of_memory(source)) from error
        except RuntimeError as error:
            if "out of memory" in str(error).lower() or "allocate memory" in str(error).lower():
                raise UnhypeError(_short_of_memory(source)) from error
            raise UnhypeError(_unfit(source, error)) from error
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

            if isinstance(error, HfHubHTTPError | LocalEntryNotFoundError | OfflineModeIsEnabled):
                raise
            raise UnhypeError(_unfit(source, error)) from error


def _unfit(source: Source, error: Exception) -> str:
    said = " ".join(str(error).split())[:200]
    return f"got {source.reference}, which diffusers can't load ({said}), wanted a whole pipeline in safetensors"


def _short_of_memory(source: Source) -> str:
    return (
        f"got too little memory for {source.reference}: load it in bf16 (params.yaml, base: {{dtype: bf16}}), on another "
        f"device, or see what it needs with: unhype plan --base {source.reference}"
    )


@contextmanager
def _hub(source: Source) -> Iterator[None]:
    """What the hub says, told to a person."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    where = source.hub or source.reference
    try:
        yield
    except GatedRepoError as error:
        raise UnhypeError(
            f"got no access to {where}, which asks for a licence: accept it on the base's page at the hub, then log in "
            "with `hf auth login` and run the same command again"
        ) from error
    except RepositoryNotFoundError as error:
        raise UnhypeError(f"got no {where} at the hub, wanted a base that is there: check the id") from error
    except (OfflineModeIsEnabled, LocalEntryNotFoundError, ConnectionError) as error:
        raise UnhypeError(
            f"got no connection to the hub for {where}, and not all of its files are in the local cache: go online once "
            "(unset HF_HUB_OFFLINE), or give the folder of a copy as --base"
        ) from error
    except HfHubHTTPError as error:
        raise UnhypeError(
            f"got {' '.join(str(error).split())[:160]} from the hub for {where}: try again later"
        ) from error
    except OSError as error:
        if error.errno == 28:
            raise UnhypeError(describe(error, Path(where))) from error
        said = " ".join(str(error).split())[:200]
        if "connect" in said.lower() or "offline" in said.lower():
            raise UnhypeError(
                f"got no connection to the hub for {where} ({said[:80]}): go online once, or give the folder of a copy "
                "as --base; a single file also takes the configuration of its family from params.yaml, base: {config}"
            ) from error
        raise
