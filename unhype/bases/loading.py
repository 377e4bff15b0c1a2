"""From a base's folder to a pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unhype.bases.cards import verify
from unhype.errors import UnhypeError

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline


def load_pipeline(folder: str | Path) -> StableDiffusionPipeline:
    """A checked base as a plain diffusers pipeline in float32, without a progress bar of its own.

    Raises:
        UnhypeError: see :func:`unhype.bases.cards.verify`; or the folder is no Stable Diffusion.
    """
    folder = Path(folder)
    verify(folder)
    import torch
    from diffusers import StableDiffusionPipeline

    if not (folder / "model_index.json").exists():
        raise UnhypeError(f"got no {folder / 'model_index.json'}, wanted a diffusers folder of a Stable Diffusion")
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True, use_safetensors=True
    )
    for part in (pipeline.unet, pipeline.vae):
        part.to(memory_format=torch.channels_last)  # a tenth faster on a CPU, and usual on a GPU
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
