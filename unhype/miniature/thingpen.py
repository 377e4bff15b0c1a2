"""A pen that draws in the coordinates of one thing's square, from (-1, -1) to (1, 1), facing right, mirrored or not.

A silhouette is a union of parts with one thick dark outline round the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from unhype.miniature.canvas import Canvas, Colour, Point

DARK: Colour = (32, 26, 34)
WHITE: Colour = (250, 250, 248)

T = TypeVar("T")

Part = tuple[Sequence[Point], float]
"""A piece of a silhouette: points and a number that says what they are.

0: the corners of a polygon. Negative: a disc stretched to two radii. Positive: a rounded stroke of that thickness.
"""


@dataclass(frozen=True)
class Pen:
    """Draws on a canvas in the coordinates of one thing's square."""

    canvas: Canvas
    cx: float
    cy: float
    unit: float
    facing: float
    stretch: float
    edge: float

    def at(self, x: float, y: float) -> Point:
        """The canvas position of a point of the square."""
        return self.cx + self.facing * self.unit * x, self.cy + self.unit * self.stretch * y

    def blob(self, fill: Colour, parts: Sequence[Part]) -> None:
        """The union of ``parts`` in one colour, with one outline round the whole."""
        for part in parts:
            self._part(part, DARK, self.edge)
        for part in parts:
            self._part(part, fill, 0.0)

    def disc(self, x: float, y: float, rx: float, ry: float, fill: Colour, outlined: bool = False) -> None:
        """An ellipse, without an outline unless asked."""
        self.blob(fill, [oval(x, y, rx, ry)]) if outlined else self._part(oval(x, y, rx, ry), fill, 0.0)

    def patch(self, points: Sequence[Point], fill: Colour) -> None:
        """A polygon without an outline."""
        self.canvas.polygon([self.at(*point) for point in points], fill)

    def stroke(self, points: Sequence[Point], fill: Colour, width: float = 0.05) -> None:
        """A plain polyline, at least as thick as the outline."""
        self.canvas.line([self.at(*point) for point in points], fill, max(width * self.unit, self.edge * 0.8))

    def _part(self, part: Part, fill: Colour, grow: float) -> None:
        points, thickness = part
        placed = [self.at(*point) for point in points[: 1 if thickness < 0 else None]]
        if thickness < 0:
            rx, ry = points[1]
            self.canvas.ellipse(*placed[0], rx * self.unit + grow, ry * self.unit * self.stretch + grow, fill)
        elif thickness > 0:
            radius = thickness * self.unit / 2 + grow
            self.canvas.line(placed, fill, 2 * radius)
            for x, y in (placed[0], placed[-1]):
                self.canvas.ellipse(x, y, radius, radius, fill)
        elif grow > 0:
            self.canvas.line([*placed, *placed[:2]], fill, 2 * grow)
        else:
            self.canvas.polygon(placed, fill)


def oval(x: float, y: float, rx: float, ry: float) -> Part:
    """An ellipse as a part."""
    return ((x, y), (rx, ry)), -1.0


def shape(*points: Point) -> Part:
    """A polygon as a part."""
    return points, 0.0


def box(x0: float, y0: float, x1: float, y1: float) -> Part:
    """A rectangle as a part."""
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1)), 0.0


def limb(thickness: float, *points: Point) -> Part:
    """A rounded stroke as a part."""
    return points, thickness


def pick(choices: Sequence[T], rng: np.random.Generator) -> T:
    """One of the choices, each equally likely."""
    return choices[int(rng.integers(len(choices)))]


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (below 1) or lighter."""
    r, g, b = (min(255, round(value * factor)) for value in colour)
    return r, g, b


def blend(colour: Colour, other: Colour, share: float) -> Colour:
    """Part of the way from one colour to another."""
    r, g, b = (round(a + (z - a) * share) for a, z in zip(colour, other, strict=True))
    return r, g, b
