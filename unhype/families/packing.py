"""Flux's tokens: a square of four latents each, and its place."""

from __future__ import annotations

import torch


def packed(latents: torch.Tensor) -> torch.Tensor:
    """``[n, C, h, w]`` → ``[n, h·w / 4, 4 C]``: a token for each square of four."""
    n, channels, height, width = latents.shape
    squares = latents.view(n, channels, height // 2, 2, width // 2, 2).permute(0, 2, 4, 1, 3, 5)
    return squares.reshape(n, height * width // 4, channels * 4)


def unpacked(tokens: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """The way back: ``[n, h·w / 4, 4 C]`` → ``[n, C, h, w]``."""
    n, _, features = tokens.shape
    squares = tokens.view(n, height // 2, width // 2, features // 4, 2, 2).permute(0, 3, 1, 4, 2, 5)
    return squares.reshape(n, features // 4, height, width)


def places_of(rows: int, columns: int, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Each token's row and column, ``[rows · columns, 3]``; the first number is text's and 0."""
    places = torch.zeros(rows, columns, 3, device=device, dtype=dtype)
    places[..., 1] += torch.arange(rows, device=device, dtype=dtype)[:, None]
    places[..., 2] += torch.arange(columns, device=device, dtype=dtype)[None]
    return places.view(rows * columns, 3)
