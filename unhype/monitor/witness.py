"""The base as a witness: does this picture look to the base itself as the concept does, more than as its anchor does?

    e(p) = (ẑ_0(z_t, t, p) − z_0)²        V = max over windows of mean(e(anchor) − e(concept)) / mean e(anchor)

z_t is the picture, noised anew. Who denoises it best explains it best: a classifier made of a diffusion model (Li et
al. 2023, "Your diffusion model is secretly a zero-shot classifier"). It has never been trained for the question, and
the words of the prompt do not enter: nothing is asked but what is in the picture. A window is half as high and wide as
the picture, so that somebody in company counts like somebody alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.nn import functional as F

from unhype.families.family import Family
from unhype.families.text import Text

SHARES = (0.5, 0.4, 0.3)
"""How far into the noise the picture is put: who it is, is decided there."""

Encode = Callable[[str], Text]
"""A text's encoding, one row."""


@torch.no_grad()
def evidence(
    family: Family, latents: torch.Tensor, concepts: Sequence[str], anchors: Sequence[str], encode: Encode
) -> torch.Tensor:
    """V of each picture at each of ``SHARES``, float32 ``[n, 3]``.

    Args:
        latents: z_0, ``[n, C, h, w]``.
        concepts, anchors: a prompt for each picture.
    """
    n, found = len(latents), []
    text = Text.joined([encode(prompt) for prompt in (*concepts, *anchors)])
    noise = torch.randn((len(SHARES), *latents.shape[1:]), generator=torch.Generator("cpu").manual_seed(0))
    for share, each in zip(SHARES, noise.to(latents.device), strict=True):
        times = family.time_at(share, n)
        noisy = family.noised(latents, each.expand_as(latents), times)
        both, later = torch.cat([noisy, noisy]), torch.cat([times, times])
        clean = family.clean(both, later, family.predict(both, later, text))
        concept, anchor = (clean - torch.cat([latents, latents])).square().mean(1, keepdim=True).chunk(2)
        window = [max(1, size // 2) for size in latents.shape[2:]]
        better = F.avg_pool2d(anchor - concept, window, stride=1).flatten(1).amax(1)
        found.append(better / anchor.flatten(1).mean(1).clamp(min=1e-12))
    return torch.stack(found, 1)
