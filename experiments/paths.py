"""Paths through the space of LoRAs: how long, how far from each other, how alike their steps, and both in one plane.

Shapes: S steps, n concepts, D numbers of a LoRA (A and B of every site, in one row). A path is ``[S + 1, n, D]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from unhype.adapters.lora import Factors


def flat(factors: Mapping[str, Factors]) -> torch.Tensor:
    """All numbers of n LoRAs in one row each, ``[n, D]``."""
    return torch.cat([part.flatten(1) for f in factors.values() for part in (f.A, f.B)], dim=1)


def shaped(rows: torch.Tensor, like: Mapping[str, Factors]) -> dict[str, Factors]:
    """The same numbers ``[n, D]`` as factors again, shaped as ``like``."""
    sizes = [part[0].numel() for f in like.values() for part in (f.A, f.B)]
    parts = iter(rows.split(sizes, dim=1))
    return {
        name: Factors(next(parts).unflatten(1, f.A.shape[1:]), next(parts).unflatten(1, f.B.shape[1:]))
        for name, f in like.items()
    }


def length(path: torch.Tensor) -> torch.Tensor:
    """How long each concept's path is, ``[n]``: the sum of its steps."""
    return path.diff(dim=0).norm(dim=-1).sum(0)


def apart(path: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """How far two paths are from each other at the same s, ``[S + 1, n]``, in lengths of ``other``."""
    return (path - other).norm(dim=-1) / length(other)


def nearest(points: torch.Tensor, path: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The place on a path that each point ``[n, D]`` comes nearest to: its s, and how far off, in lengths of it."""
    off, s = (points - path).norm(dim=-1).min(0)
    return s, off / length(path)


def slopes_alike(step: torch.Tensor, halves: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine of a step ``[n, D]`` with a wanted one that is known twice with noise, and the ratio of their norms.

    Noise of the two estimates is independent, so their inner product is the true squared norm, without it.
    """
    one, two = halves
    wanted = (one * two).sum(-1).clamp(min=1e-12).sqrt()
    cosine = (step * (one + two) / 2).sum(-1) / (step.norm(dim=-1).clamp(min=1e-12) * wanted)
    return cosine, step.norm(dim=-1) / wanted


def plane(paths: Sequence[torch.Tensor]) -> tuple[list[torch.Tensor], float]:
    """Paths ``[S + 1, D]`` in the plane of the first two principal components of all their points.

    Returns:
        ``[S + 1, 2]`` of each, the first point of the first path at the origin; and the share of variance in the plane.
    """
    together = torch.cat(list(paths))
    _, scales, axes = torch.linalg.svd(together - together.mean(0), full_matrices=False)
    share = float((scales[:2] ** 2).sum() / (scales**2).sum())
    return [(path - paths[0][0]) @ axes[:2].T for path in paths], share
