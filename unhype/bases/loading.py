"""From a base to a pipeline: checked, strict, safetensors only, nobody's code but diffusers' own.

Which pipeline it is, a folder says in its ``model_index.json``; of a single file its keys tell, and its configuration
comes from the family's hub page, or from a folder that is named. No safety checker: its black pictures would count as
forgotten.
"""

from __future__ import annotations

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unhype.bases.aliases import ALIASES
from unhype.bases.cards import verify
from unhype.bases.finding import LEFT_OUT, Source
from unhype.bases.hashing import header_of
from unhype.bases.hub import download, fetched, hub_errors
from unhype.bases.memory import free
from unhype.bases.telling import check_part, numbers_of, parts_of, plain_pipeline, read_index
from unhype.errors import UnhypeError

__all__ = ["BaseSettings", "fetched", "load_pipeline", "plain_pipeline"]

DTYPES = ("auto", "float32", "bf16", "fp16")
DEVICES = ("auto", "cpu", "cuda", "mps")

FLUX = "FluxPipeline"
"""Whose single files hold the transformer alone."""

CONFIG = "name a folder with its family's configuration in params.yaml, base: {config}"
"""What a single file needs where the hub is out of reach."""


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


def load_pipeline(base: Source | str | Path, dtype: str = "float32", device: str = "cpu", config: str = "") -> Any:
    """A base as a plain diffusers pipeline, without a progress bar of its own.

    Args:
        base: where it lies; a path is a diffusers folder.
        dtype: ``float32``, ``bf16`` or ``fp16``.
        config: see :class:`BaseSettings`.

    Raises:
        UnhypeError: see :func:`unhype.bases.cards.verify` and :func:`unhype.bases.hub.fetched`; or a pipeline that
            diffusers does not have, a single file of no known family, files that do not fit, a device that is not
            there, or too little memory.
    """
    source = fetched(base if isinstance(base, Source) else Source(str(base), folder=Path(base)))
    if source.folder:
        verify(source.folder)
    plain_pipeline(source)
    import torch

    kind = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[dtype]
    with _loading(source, dtype):
        beside = _config_folder(source.file, config) if source.file else None
        _check_memory(source, beside, device, dtype, kind.itemsize)
        pipeline = _from_file(source, kind, beside) if source.file else _from_folder(source, kind)
        pipeline.to(device)
    for name in ("unet", "vae"):
        if part := getattr(pipeline, name, None):
            part.to(memory_format=torch.channels_last)  # a tenth faster on a CPU, and usual on a GPU
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _from_folder(source: Source, dtype: Any, **given: Any) -> Any:
    from diffusers import DiffusionPipeline

    assert source.folder is not None
    options = {"requires_safety_checker": False} if "safety_checker" in parts_of(read_index(source.folder)) else {}
    left = dict.fromkeys(LEFT_OUT) if options else {}
    return DiffusionPipeline.from_pretrained(
        source.folder, dtype=dtype, local_files_only=True, use_safetensors=True, **options, **left, **given
    )


def _from_file(source: Source, dtype: Any, beside: Path | None) -> Any:
    """A single file as a pipeline; of Flux it holds the transformer alone, the rest comes with the configuration."""
    import diffusers

    assert source.file is not None
    kind = plain_pipeline(source)
    options = {"config": str(beside)} if beside else {}
    if kind == FLUX:
        assert beside is not None
        transformer = diffusers.FluxTransformer2DModel.from_single_file(
            str(source.file), subfolder="transformer", torch_dtype=dtype, **options
        )
        return _from_folder(Source(source.reference, folder=beside), dtype, transformer=transformer)
    left = dict.fromkeys(LEFT_OUT) if kind == "StableDiffusionPipeline" else {}
    return getattr(diffusers, kind).from_single_file(str(source.file), torch_dtype=dtype, **options, **left)


def _config_folder(file: Path, config: str) -> Path | None:
    """Where the configuration of a single file lies, checked; None for diffusers' own choice."""
    kind = plain_pipeline(Source(str(file), file=file))
    if kind == FLUX and not config:
        config = "flux-dev" if any("guidance_in." in name for name in header_of(file)) else "flux-schnell"
    if not config:
        return None
    folder = Path(config).expanduser()
    if not folder.is_dir():
        if kind != FLUX:
            return Path(config)  # a hub id, of which diffusers fetches the configuration alone
        folder = download(ALIASES.get(config, config), "transformer")
    index = read_index(folder)
    if index["_class_name"] != kind:
        raise UnhypeError(
            f"got a {index['_class_name']} in {folder} as the configuration of {file}, wanted a {kind}: params.yaml, "
            "base: {config}"
        )
    if kind == FLUX:
        for name in _beside_transformer(folder):
            check_part(folder, name)
    return folder


def _beside_transformer(folder: Path) -> list[str]:
    """Parts that a single file of Flux takes from its configuration."""
    return [name for name, (library, _) in parts_of(read_index(folder)).items() if library and name != "transformer"]


def _check_memory(source: Source, beside: Path | None, device: str, dtype: str, each: int) -> None:
    """Refuse a device that is not there, or that has not enough memory left.

    Args:
        beside: the folder with the rest of a single file.
        each: bytes of a number in this dtype.
    """
    there = free(device)
    numbers = numbers_of(source)
    if beside and plain_pipeline(source) == FLUX:
        numbers += numbers_of(Source("", folder=beside), _beside_transformer(beside))
    if there is not None and numbers * each > there:
        raise UnhypeError(
            f"got {there / 1e9:.1f} GB free on {device} where {source.reference} needs {numbers * each / 1e9:.1f} in "
            f"{dtype}: {_short_of_memory(source, dtype)}"
        )


@contextmanager
def _loading(source: Source, dtype: str) -> Iterator[None]:
    """What goes wrong while weights are read, told to a person."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*safety checker.*")
        try:
            if source.file:
                with hub_errors(f"the configuration of {source.reference}", CONFIG):
                    yield
            else:
                with hub_errors(source.reference):
                    yield
        except UnhypeError:
            raise
        except (MemoryError, RuntimeError, OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            said = str(error).lower()
            short = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
            if short or "out of memory" in said or "allocate memory" in said:
                raise UnhypeError(_short_of_memory(source, dtype)) from error
            raise UnhypeError(_unfit(source, error)) from error


def _unfit(source: Source, error: Exception) -> str:
    said = " ".join(str(error).split())[:200]
    return f"got {source.reference}, which diffusers can't load ({said}), wanted a whole pipeline in safetensors"


def _short_of_memory(source: Source, dtype: str) -> str:
    less = "in bf16 (params.yaml, base: {dtype: bf16}), on another device or " if dtype == "float32" else ""
    return (
        f"got too little memory for {source.reference} in {dtype}, wanted room for all its weights: load it {less}"
        f"on a larger machine, or see what it needs with: unhype plan --base {source.reference}"
    )
