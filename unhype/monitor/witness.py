"""The base as a witness: does this picture look to the base itself as the concept does, more than as anything at all?

    e(p) = (ẑ_0(z_t, t, p) − z_0)²     V = max over windows (mean e("") − mean e(concept)) / mean e("")

z_t is the picture, noised anew. Who denoises it best explains it best: a classifier made of a diffusion model (Li et
al. 2023, "Your diffusion model is secretly a zero-shot classifier"). It has never been trained for the question, and
the words of the prompt do not enter: nothing is asked but what is in the picture. A window is half as high and wide as
the picture, so that somebody in company counts like somebody alone; below the line stands the mean of all windows.

What the base makes of the picture without words is known, since it was viewed (:mod:`.features`): a suspect costs one
row of the denoiser. Prompts of nobody in particular ("a photo of a man") tell no more: docs/experiments/monitor.md.

A prompt that comes near a name may be somebody else's who shares a part of it. Then the name explains the picture much
less than the prompt itself does, which drew it; whoever was drawn by other words is explained nearly as well:

    behind = (mean e(concept) − mean e(prompt)) / mean e("")        in the window of V
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch.nn import functional as F

from unhype.families.family import Family
from unhype.families.text import Text
from unhype.monitor.features import noised


class Evidence(NamedTuple):
    """What the base says of suspects: V, and how far behind the pictures' own prompts they are, ``[suspects]`` each."""

    told: torch.Tensor
    behind: torch.Tensor


@torch.no_grad()
def evidence(
    family: Family,
    latents: torch.Tensor,
    clean: torch.Tensor,
    suspects: Sequence[tuple[int, str]],
    own: Text | None = None,
) -> Evidence:
    """What the base says of each suspicion, float32.

    Args:
        latents: z_0, ``[n, C, h, w]``.
        clean: ẑ_0 without words, of the pictures' :class:`~unhype.monitor.features.View`.
        suspects: a picture's place, and the prompt of a concept that may be in it.
        own: the prompts that draw the pictures, n rows; without them nobody is behind.
    """
    places = [picture for picture, _ in suspects]
    noisy, times = noised(family, latents)

    def explained(rows: Sequence[int], text: Text) -> torch.Tensor:
        """e of these pictures' texts, in each window."""
        predicted = family.predict(noisy[rows], times[rows], text)
        # A denoiser that is offloaded answers from elsewhere.
        return _errors(family.clean(noisy[rows], times[rows], predicted.to(noisy.device)) - latents[rows])

    nobody = _errors(clean - latents)[places]
    somebody = explained(places, family.remembered([prompt for _, prompt in suspects]))
    most, window = (nobody - somebody).max(1, keepdim=True)
    scale = nobody.mean(1, keepdim=True).clamp(min=1e-12)
    behind = torch.zeros_like(most)
    if own is not None:
        itself = explained(list(range(len(latents))), own)[places]
        behind = (somebody - itself).gather(1, window) / scale
    return Evidence((most / scale)[:, 0], behind[:, 0])


def _errors(difference: torch.Tensor) -> torch.Tensor:
    """Mean square in each window, ``[n, windows]``."""
    window = [max(1, size // 2) for size in difference.shape[2:]]
    return F.avg_pool2d(difference.square().mean(1, keepdim=True), window, stride=1).flatten(1)
