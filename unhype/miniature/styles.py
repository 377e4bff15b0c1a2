"""The three styles of a picture of the miniature world: a photo, a coloured-pencil sketch or an oil painting.

Both drawn styles work on the finished pixels with fixed textures: random noise would be beyond a small autoencoder.
"""

from __future__ import annotations

import numpy as np

from unhype.miniature.canvas import SIZE, Colour

STYLES: tuple[str, ...] = ("photo", "sketch", "painting")

FRAMES: tuple[Colour, ...] = ((150, 102, 40), (168, 120, 48), (128, 84, 36))
"""Brown-gold colours of a painting's frame."""

FRAME_WIDTH = 3

HATCHING_PERIOD = 6

_ROW, _COLUMN = np.mgrid[0:SIZE, 0:SIZE]


def apply_style(pixels: np.ndarray, style: str, rng: np.random.Generator) -> np.ndarray:
    """The picture ``uint8 [64, 64, 3]`` in the given style."""
    if style == "photo":
        return pixels
    if style == "sketch":
        return _sketch(pixels, rng)
    if style == "painting":
        return _painting(pixels, rng)
    raise ValueError(f"got the style {style!r}, wanted one of {', '.join(STYLES)}")


def _sketch(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pale colours on white paper with diagonal hatching; grey lines where a pixel is darker than those around it."""
    values = pixels.astype(np.float32)
    grey = values @ np.array([0.3, 0.55, 0.15], np.float32)
    line = np.clip((_neighbourhood_maximum(grey) - grey - 14) / 70, 0, 1)[..., None]
    paper = 252 - (250 - values) * 0.64
    shade = (3 + (255 - grey) * 0.09)[..., None]
    hatched = ((_ROW + _COLUMN + int(rng.integers(HATCHING_PERIOD))) % HATCHING_PERIOD < 2)[..., None]
    paper += np.where(hatched, -shade, shade * 0.5)
    return _bytes(paper + (np.float32(70) - paper) * line * 0.8)


def _painting(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Richer colours smeared along slanted brush strokes, inside a brown-gold frame."""
    values = pixels.astype(np.float32)
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0)), mode="edge")
    stroked = 0.5 * values + 0.25 * padded[:-2, 2:] + 0.25 * padded[2:, :-2]
    grey = stroked.mean(axis=2, keepdims=True)
    painted = (grey + (stroked - grey) * 1.35) * 0.92 + _RELIEF
    wood = np.array(FRAMES[int(rng.integers(len(FRAMES)))], np.float32)
    return _bytes(np.where(_FRAME > 0, wood * _FRAME, painted))


def _neighbourhood_maximum(grey: np.ndarray) -> np.ndarray:
    padded = np.pad(grey, 1, mode="edge")
    rows = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    return np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)


def _frame() -> np.ndarray:
    """The frame's brightness, highlighted in its middle line; 0 where there is none."""
    depth = np.minimum(np.minimum(_ROW, _COLUMN), np.minimum(SIZE - 1 - _ROW, SIZE - 1 - _COLUMN))
    light = np.array([0.85, 1.35, 0.55, 0.0], np.float32)
    return light[np.minimum(depth, FRAME_WIDTH)][..., None]


_RELIEF = 7.0 * np.sin((_ROW + _COLUMN) * (2 * np.pi / 5))[..., None].astype(np.float32)
_FRAME = _frame()
