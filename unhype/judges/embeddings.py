"""Embeddings: pictures and prompts as unit vectors of one space, for CMMD, CLIP's score, and judges without training.

Which judges name concepts is another matter: :mod:`unhype.judges.judge`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch


class Embeddings(Protocol):
    """A CLIP, of whatever size."""

    @property
    def name(self) -> str:
        """With its hash or revision."""
        ...

    @property
    def scale(self) -> float:
        """What a cosine is multiplied by before a softmax over classes."""
        ...

    def see(self, pixels: np.ndarray) -> np.ndarray:
        """Unit embeddings of ``uint8 [n, height, width, 3]``: ``[n, e]``."""
        ...

    def hear(self, prompts: Sequence[str]) -> np.ndarray:
        """Unit embeddings of prompts, ``[n, e]``."""
        ...


def unit(parts: Sequence[object]) -> np.ndarray:
    """Batches of embeddings as unit vectors ``float32 [n, e]``; transformers 5 wraps them, earlier ones do not."""
    tensors = [getattr(part, "pooler_output", part) for part in parts]
    joined = torch.cat(tensors).float()  # type: ignore[arg-type]
    found: np.ndarray = torch.nn.functional.normalize(joined, dim=1).cpu().numpy()
    return found
