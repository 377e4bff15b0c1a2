"""Pictures as bytes and pictures as models see them."""

from __future__ import annotations

import numpy as np
import torch


def to_model_range(pixels: np.ndarray, device: torch.device) -> torch.Tensor:
    """``uint8 [n, h, w, 3]`` → ``float32 [n, 3, h, w]`` in [−1, 1]."""
    return torch.tensor(np.asarray(pixels), device=device).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_pixels(pictures: torch.Tensor) -> np.ndarray:
    """``float [n, 3, h, w]`` in [−1, 1] → ``uint8 [n, h, w, 3]``."""
    scaled = ((pictures.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).cpu().numpy()
