"""The base as a witness: does this picture look to the base itself as the concept does, more than as anybody does?

    e(p) = (ẑ_0(z_t, t, p) − z_0)²     V = max over windows (min over anchors mean e(anchor) − mean e(concept)) / e

z_t is the picture, noised anew, and e the anchors' mean error over the whole picture. Who denoises it best explains it
best: a classifier made of a diffusion model (Li et al. 2023, "Your diffusion model is secretly a zero-shot
classifier"). It has never been trained for the question, and the words of the prompt do not enter: nothing is asked but
what is in the picture. A window is half as high and wide as the picture, so that somebody in company counts like
somebody alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from unhype.families.family import Family

SHARES = (0.2,)
"""How far into the noise the picture is put: who it is, is decided there. More levels tell no more, once a net has read
the base's features: docs/experiments/attacks.md."""


@torch.no_grad()
def evidence(
    family: Family,
    latents: torch.Tensor,
    suspects: Sequence[tuple[int, str]],
    anchors: Sequence[str],
) -> torch.Tensor:
    """V of each suspicion at each of ``SHARES``, float32 ``[suspects, 1]``.

    Args:
        latents: z_0, ``[n, C, h, w]``.
        suspects: a picture's place, and the prompt of a concept that may be in it.
        anchors: prompts of who is nobody.
    """
    n, places = len(latents), [picture for picture, _ in suspects]
    text = family.remembered([*(anchor for anchor in anchors for _ in range(n)), *(prompt for _, prompt in suspects)])
    shown = torch.cat([latents.repeat(len(anchors), 1, 1, 1), latents[places]])
    noise = torch.randn((len(SHARES), *latents.shape[1:]), generator=torch.Generator("cpu").manual_seed(0))
    window = [max(1, size // 2) for size in latents.shape[2:]]
    found = []
    for share, each in zip(SHARES, noise.to(latents.device), strict=True):
        times = family.time_at(share, len(shown))
        noisy = family.noised(shown, each.expand_as(shown), times)
        # A denoiser that is offloaded answers from elsewhere.
        clean = family.clean(noisy, times, family.predict(noisy, times, text).to(noisy.device))
        error = F.avg_pool2d((clean - shown).square().mean(1, keepdim=True), window, stride=1).flatten(1)
        nobody = error[: len(anchors) * n].view(len(anchors), n, -1)
        better = (nobody.amin(0)[places] - error[len(anchors) * n :]).amax(1)
        found.append(better / nobody.mean((0, 2))[places].clamp(min=1e-12))
    return torch.stack(found, 1)
