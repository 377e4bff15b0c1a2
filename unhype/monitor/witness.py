"""The base as a witness: does this picture look to the base itself as the concept does, more than as anything at all?

    e(p) = (ẑ_0(z_t, t, p) − z_0)²     V = max over windows (mean e("") − mean e(concept)) / mean e("")

z_t is the picture, noised anew. Who denoises it best explains it best: a classifier made of a diffusion model (Li et
al. 2023, "Your diffusion model is secretly a zero-shot classifier"). It has never been trained for the question, and
the words of the prompt do not enter: nothing is asked but what is in the picture. A window is half as high and wide as
the picture, so that somebody in company counts like somebody alone; below the line stands the mean of all windows.

What the base makes of the picture without words is known, since it was viewed (:mod:`.features`): a suspect costs one
row of the denoiser. Prompts of nobody in particular ("a photo of a man") tell no more: docs/experiments/monitor.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from unhype.families.family import Family
from unhype.monitor.features import noised


@torch.no_grad()
def evidence(
    family: Family, latents: torch.Tensor, clean: torch.Tensor, suspects: Sequence[tuple[int, str]]
) -> torch.Tensor:
    """V of each suspicion, float32 ``[suspects]``.

    Args:
        latents: z_0, ``[n, C, h, w]``.
        clean: ẑ_0 without words, of the pictures' :class:`~unhype.monitor.features.View`.
        suspects: a picture's place, and the prompt of a concept that may be in it.
    """
    places = [picture for picture, _ in suspects]
    shown, nobody = latents[places], _errors(clean - latents)[places]
    noisy, times = noised(family, shown)
    predicted = family.predict(noisy, times, family.remembered([prompt for _, prompt in suspects]))
    # A denoiser that is offloaded answers from elsewhere.
    somebody = _errors(family.clean(noisy, times, predicted.to(noisy.device)) - shown)
    return (nobody - somebody).amax(1) / nobody.mean(1).clamp(min=1e-12)


def _errors(difference: torch.Tensor) -> torch.Tensor:
    """Mean square in each window, ``[n, windows]``."""
    window = [max(1, size // 2) for size in difference.shape[2:]]
    return F.avg_pool2d(difference.square().mean(1, keepdim=True), window, stride=1).flatten(1)
