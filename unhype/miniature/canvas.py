"""A small antialiased canvas: draw in picture pixels with Pillow at four times the size, then average down.

Coordinates are floats in picture pixels: x to the right, y downwards, (0, 0) the top left corner, (64, 64) the bottom
right.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

SIZE = 64
"""Width and height of every picture of the miniature world, in pixels."""

SUPERSAMPLING = 4

Colour = tuple[int, int, int]
Point = tuple[float, float]


class Canvas:
    """A 64 × 64 RGB picture under construction."""

    def __init__(self, background: Colour = (255, 255, 255)) -> None:
        side = SIZE * SUPERSAMPLING
        self.image = Image.new("RGB", (side, side), background)
        self._draw = ImageDraw.Draw(self.image)

    def ellipse(
        self,
        cx: float,
        cy: float,
        rx: float,
        ry: float,
        fill: Colour | None,
        outline: Colour | None = None,
        width: float = 0.0,
    ) -> None:
        """An ellipse around (cx, cy) with radii (rx, ry); ``width`` is the outline's, in picture pixels."""
        box = self._scaled([(cx - rx, cy - ry), (cx + rx, cy + ry)])
        self._draw.ellipse(box, fill=fill, outline=outline, width=self._width(width))

    def rectangle(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        fill: Colour | None,
        outline: Colour | None = None,
        width: float = 0.0,
        radius: float = 0.0,
    ) -> None:
        """A rectangle with corners (x0, y0) and (x1, y1), rounded by ``radius``."""
        self._draw.rounded_rectangle(
            self._scaled([(x0, y0), (x1, y1)]),
            radius=radius * SUPERSAMPLING,
            fill=fill,
            outline=outline,
            width=self._width(width),
        )

    def polygon(
        self, points: Sequence[Point], fill: Colour | None, outline: Colour | None = None, width: float = 0.0
    ) -> None:
        """A closed polygon."""
        self._draw.polygon(self._scaled(points), fill=fill, outline=outline, width=self._width(width))

    def line(self, points: Sequence[Point], fill: Colour, width: float) -> None:
        """A polyline with rounded joints, ``width`` picture pixels thick."""
        self._draw.line(self._scaled(points), fill=fill, width=self._width(width), joint="curve")

    def arc(
        self, cx: float, cy: float, rx: float, ry: float, start: float, end: float, fill: Colour, width: float
    ) -> None:
        """Part of an ellipse's outline from ``start`` to ``end`` degrees, clockwise from three o'clock."""
        self._draw.arc(
            self._scaled([(cx - rx, cy - ry), (cx + rx, cy + ry)]), start, end, fill=fill, width=self._width(width)
        )

    def slice(self, cx: float, cy: float, rx: float, ry: float, start: float, end: float, fill: Colour) -> None:
        """A filled chord of an ellipse, between ``start`` and ``end`` degrees."""
        self._draw.chord(self._scaled([(cx - rx, cy - ry), (cx + rx, cy + ry)]), start, end, fill=fill)

    def pixels(self) -> np.ndarray:
        """The finished picture: ``uint8 [64, 64, 3]``."""
        return np.asarray(self.image.reduce(SUPERSAMPLING))

    @staticmethod
    def _scaled(points: Sequence[Point]) -> list[Point]:
        return [(x * SUPERSAMPLING, y * SUPERSAMPLING) for x, y in points]

    @staticmethod
    def _width(width: float) -> int:
        return max(0, round(width * SUPERSAMPLING))
