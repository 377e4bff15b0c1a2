"""What the base itself makes of a picture, when it is told no words: the feature maps of its denoiser's blocks.

A denoiser has learnt what its pictures show; a small net on its features tells people apart who look alike to a net
that begins at latents (label-efficient diffusion, Baranchuk et al. 2022). The picture is noised a little, always with
the same noise, and the denoiser is called once, with the empty prompt: nothing that a prompt says enters. What it
makes of the picture by that is kept for the witness (:mod:`.witness`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from unhype.adapters.sites import is_compiled
from unhype.errors import UnhypeError
from unhype.families.family import Family

SHARE = 0.2
"""How far into the noise the picture is put."""

CHANNELS = 128
"""Of a block, at most: wider ones are projected at random, which keeps distances (Johnson and Lindenstrauss 1984)."""

CELLS = 16
"""Rows and columns of a feature map, at most; and no more than every second latent has one."""


class View(NamedTuple):
    """n pictures as the base sees them.

    Attributes:
        features: maps of its blocks, one block's channels behind the other's, float32 ``[n, F, a, b]``.
        clean: ẑ_0, the pictures without the noise that was added, as it guesses them, ``[n, C, h, w]``.
    """

    features: torch.Tensor
    clean: torch.Tensor


@torch.no_grad()
def view(family: Family, latents: torch.Tensor) -> View:
    """What the base sees in pictures.

    Args:
        latents: z_0, ``[n, C, h, w]``.

    Raises:
        UnhypeError: a family that does not say which blocks these are.
    """
    blocks = family.feature_blocks
    if not blocks:
        raise UnhypeError(
            f"got a base of the family {family.name}, whose blocks nobody has named, wanted one that a monitor can "
            "look through: turn it off with monitor: when: never in params.yaml"
        )
    height, width = latents.shape[2:]
    cells = max(1, min(height // 2, CELLS)), max(1, min(width // 2, CELLS))
    noisy, times = noised(family, latents)
    denoiser = family.bare_denoiser
    eager = torch.compiler.set_stance("force_eager") if is_compiled(family.denoiser) else nullcontext()
    with eager, _outputs(blocks) as seen:
        predicted = family.predict(noisy, times, family.unconditional(len(latents)), denoiser)
    maps = [family.feature_map(seen[place], height, width).to(latents.device).float() for place in range(len(blocks))]
    narrow = [_narrowed(each, place) for place, each in enumerate(maps)]
    # A denoiser that is offloaded answers from elsewhere.
    clean = family.clean(noisy, times, predicted.to(noisy.device))
    return View(torch.cat([_resized(each, cells) for each in narrow], 1), clean)


def noised(family: Family, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """z_t and t of pictures, always by the same noise."""
    noise = torch.randn(latents.shape[1:], generator=torch.Generator("cpu").manual_seed(0)).to(latents)
    times = family.time_at(SHARE, len(latents))
    return family.noised(latents, noise.expand_as(latents), times), times


@contextmanager
def _outputs(blocks: list[nn.Module]) -> Iterator[dict[int, Any]]:
    """What each block gives, as it is called from this thread."""
    found: dict[int, Any] = {}
    own = threading.get_ident()

    def keeping(place: int) -> Any:
        def keep(module: nn.Module, args: Any, output: Any) -> None:
            if threading.get_ident() == own:
                found[place] = output

        return keep

    handles = [block.register_forward_hook(keeping(place)) for place, block in enumerate(blocks)]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _narrowed(maps: torch.Tensor, place: int) -> torch.Tensor:
    channels = maps.shape[1]
    if channels <= CHANNELS:
        return maps
    return torch.einsum("kc,ncab->nkab", _projection(channels, place).to(maps), maps)


@lru_cache(64)
def _projection(channels: int, place: int) -> torch.Tensor:
    """``[CHANNELS, channels]``, always the same."""
    own = torch.Generator("cpu").manual_seed(place)
    return torch.randn(CHANNELS, channels, generator=own) / channels**0.5


def _resized(maps: torch.Tensor, cells: tuple[int, int]) -> torch.Tensor:
    """Finer maps are averaged, coarser ones repeated."""
    if maps.shape[2] > cells[0] or maps.shape[3] > cells[1]:
        return F.adaptive_avg_pool2d(maps, cells)
    return F.interpolate(maps, size=cells)
