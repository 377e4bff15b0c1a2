"""Pictures into latents."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from unhype.pictures.pixels import to_model_range


def vae_latents(vae: Any, pixels: np.ndarray, shift: float, device: torch.device) -> torch.Tensor:
    """z_0 = (mean of the VAE's posterior − shift) · scale, ``[n, C, h, w]``, 32 pictures at a time."""
    parts = []
    with torch.no_grad():
        for part in np.array_split(pixels, max(1, len(pixels) // 32)):
            given = to_model_range(part, device).to(vae.dtype)
            parts.append((vae.encode(given).latent_dist.mean.float() - shift) * vae.config.scaling_factor)
    return torch.cat(parts)
