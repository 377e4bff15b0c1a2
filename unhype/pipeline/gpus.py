"""Common GPUs: what they hold, and how fast their makers say they multiply.

Rates are those of the makers' data sheets: of dense bf16 products with float32 sums, without the figures "with
sparsity", and of plain float32.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GPU:
    """A card.

    Attributes:
        gib: memory.
        bf16, float32: stated rates, 10¹² floating-point operations a second.
    """

    name: str
    gib: int
    bf16: float
    float32: float


GPUS = (
    GPU("RTX 3060", 12, 25.5, 12.7),
    GPU("RTX 4060 Ti", 16, 44.1, 22.1),
    GPU("RTX 4080", 16, 97.5, 48.7),
    GPU("RTX 3090", 24, 71.0, 35.6),
    GPU("RTX 4090", 24, 165.2, 82.6),
    GPU("L4", 24, 121.0, 30.3),
    GPU("A10", 24, 125.0, 31.2),
    GPU("RTX 5090", 32, 209.5, 104.8),
    GPU("A100 40 GB", 40, 312.0, 19.5),
    GPU("RTX A6000", 48, 154.8, 38.7),
    GPU("L40S", 48, 362.0, 91.6),
    GPU("A100 80 GB", 80, 312.0, 19.5),
    GPU("H100 SXM", 80, 989.0, 67.0),
    GPU("H200", 141, 989.0, 67.0),
)
