"""The ten things of the miniature world, as bold flat cartoons: a coloured silhouette with one thick dark outline and a few telling details.

Every thing is drawn in its own square from (-1, -1) to (1, 1), facing right; a `Pen` puts that square onto the canvas, mirrored or not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from unhype.miniature.canvas import Canvas, Colour, Point

THINGS: dict[str, tuple[str, ...]] = {
    "airplane": ("aircraft", "plane", "jet"),
    "automobile": ("car", "vehicle", "motorcar"),
    "bird": ("avian", "fowl", "winged creature"),
    "cat": ("feline", "kitty", "housecat"),
    "deer": ("hart", "stag", "doe"),
    "dog": ("canine", "pooch", "hound"),
    "frog": ("amphibian", "anuran", "tadpole"),
    "horse": ("equine", "steed", "mount"),
    "ship": ("vessel", "boat", "watercraft"),
    "truck": ("lorry", "rig", "hauler"),
}
"""Each class with its three synonyms."""

HOME: dict[str, str] = {
    "airplane": "sky",
    "automobile": "street",
    "bird": "sky",
    "cat": "ground",
    "deer": "forest",
    "dog": "ground",
    "frog": "ground",
    "horse": "ground",
    "ship": "sea",
    "truck": "street",
}
"""Each class with the scene it is usually seen in."""

DARK: Colour = (32, 26, 34)
WHITE: Colour = (250, 250, 248)
GLASS: Colour = (150, 212, 242)
TYRE: Colour = (52, 50, 56)

PAINTS: tuple[Colour, ...] = ((222, 42, 46), (38, 92, 214), (246, 190, 30), (36, 158, 84), (240, 122, 30), (130, 62, 178))
HULLS: tuple[Colour, ...] = ((196, 36, 40), (30, 62, 140), (52, 56, 66), (24, 120, 92))
FEATHERS: tuple[Colour, ...] = ((216, 48, 48), (40, 110, 220), (250, 200, 40), (146, 92, 50))
CAT_FURS: tuple[Colour, ...] = ((244, 146, 44), (138, 142, 152), (68, 64, 74), (236, 204, 150))
DOG_FURS: tuple[tuple[Colour, Colour], ...] = (
    ((206, 146, 72), (124, 72, 34)),
    ((242, 236, 224), (122, 78, 44)),
    ((140, 86, 46), (78, 44, 24)),
    ((236, 190, 104), (184, 122, 48)),
)
HORSE_COATS: tuple[tuple[Colour, Colour], ...] = (
    ((146, 70, 34), (50, 28, 22)),
    ((92, 56, 40), (36, 24, 22)),
    ((238, 234, 228), (150, 146, 150)),
    ((214, 168, 96), (250, 238, 206)),
    ((74, 70, 80), (30, 28, 34)),
)

T = TypeVar("T")

Part = tuple[Sequence[Point], float]
"""A piece of a silhouette: a polygon if the number is 0, a disc stretched to two radii if it is negative, a rounded stroke of that thickness if positive."""


def draw_thing(canvas: Canvas, kind: str, cx: float, cy: float, size: float, rng: np.random.Generator) -> None:
    """Draws a thing of class ``kind`` around (cx, cy), about ``size`` picture pixels wide."""
    if kind not in _DRAWERS:
        raise ValueError(f"got the thing {kind!r}, wanted one of {', '.join(_DRAWERS)}")
    mirrored = bool(rng.random() < 0.5)
    stretch = float(rng.uniform(0.93, 1.07))
    _DRAWERS[kind](Pen(canvas, cx, cy, size / 2, -1.0 if mirrored else 1.0, stretch, max(0.7, size / 46)), rng)


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


def _pick(choices: Sequence[T], rng: np.random.Generator) -> T:
    return choices[int(rng.integers(len(choices)))]


def _shade(colour: Colour, factor: float) -> Colour:
    r, g, b = (min(255, round(value * factor)) for value in colour)
    return r, g, b


def _wheels(pen: Pen, y: float, radius: float, xs: Sequence[float]) -> None:
    for x in xs:
        pen.disc(x, y, radius, radius, TYRE, outlined=True)
        pen.disc(x, y, radius * 0.45, radius * 0.45, (206, 208, 214))


def _airplane(pen: Pen, rng: np.random.Generator) -> None:
    paint, body = _pick(PAINTS, rng), _pick(((248, 248, 250), (226, 230, 238), (255, 246, 224)), rng)
    pen.blob(_shade(paint, 0.8), [shape((0.12, -0.12), (-0.3, -0.58), (-0.46, -0.58), (-0.24, -0.1))])
    pen.blob(paint, [shape((-0.5, -0.12), (-0.82, -0.66), (-1.0, -0.66), (-0.92, -0.05))])
    pen.blob(body, [shape((-0.95, -0.14), (-0.5, -0.22), (0.55, -0.22), (0.55, 0.22), (-0.4, 0.22)), oval(0.55, 0.0, 0.42, 0.22)])
    pen.patch([(-0.72, 0.02), (0.94, 0.02), (0.9, 0.1), (-0.6, 0.1)], paint)
    pen.patch([(0.62, -0.17), (0.76, -0.14), (0.88, -0.03), (0.62, -0.03)], (40, 70, 110))
    for x in (-0.45, -0.22, 0.01, 0.24, 0.45):
        pen.disc(x, -0.09, 0.065, 0.065, (40, 70, 110))
    pen.blob(paint, [shape((0.26, 0.08), (-0.28, 0.66), (-0.5, 0.66), (-0.2, 0.08))])
    pen.blob(_shade(paint, 0.8), [shape((-0.66, 0.0), (-0.94, 0.2), (-1.02, 0.2), (-0.88, 0.0))])


def _automobile(pen: Pen, rng: np.random.Generator) -> None:
    paint, roof = _pick(PAINTS, rng), float(rng.uniform(-0.52, -0.42))
    pen.blob(
        paint,
        [
            shape((-0.66, 0.0), (-0.44, roof), (0.24, roof), (0.58, 0.0)),
            shape((-0.97, -0.02), (-0.9, -0.08), (0.62, -0.06), (0.92, 0.06), (0.98, 0.18), (0.98, 0.36), (-0.98, 0.36)),
        ],
    )
    pen.patch([(-0.52, -0.05), (-0.37, roof + 0.1), (-0.12, roof + 0.1), (-0.12, -0.05)], GLASS)
    pen.patch([(-0.02, -0.05), (-0.02, roof + 0.1), (0.19, roof + 0.1), (0.43, -0.05)], GLASS)
    pen.stroke([(-0.07, -0.02), (-0.07, 0.32)], _shade(paint, 0.6))
    pen.stroke([(0.04, 0.08), (0.14, 0.08)], DARK)
    pen.disc(0.9, 0.14, 0.08, 0.08, (255, 240, 150))
    pen.patch([(-0.97, 0.04), (-0.87, 0.04), (-0.87, 0.17), (-0.97, 0.17)], (255, 120, 90))
    _wheels(pen, 0.36, 0.23, (-0.54, 0.56))


def _bird(pen: Pen, rng: np.random.Generator) -> None:
    feather, lift = _pick(FEATHERS, rng), float(rng.uniform(-0.06, 0.06))
    for x in (-0.06, 0.2):
        pen.stroke([(x, 0.5), (x + 0.02, 0.84), (x + 0.18, 0.84)], (196, 92, 16), 0.08)
    pen.blob((255, 150, 20), [shape((0.7, -0.5), (1.02, -0.32), (0.7, -0.2))])
    pen.blob(
        feather,
        [
            shape((-0.4, 0.0), (-1.0, -0.26 + lift), (-0.98, 0.0 + lift), (-0.86, 0.2 + lift), (-0.3, 0.4)),
            oval(0.04, 0.14, 0.6, 0.44),
            oval(0.46, -0.36, 0.32, 0.31),
        ],
    )
    pen.disc(0.27, 0.26, 0.3, 0.26, _blend(feather, WHITE, 0.72))
    pen.blob(_shade(feather, 0.68), [shape((0.2, -0.1), (0.16, 0.16), (-0.12, 0.32), (-0.62, 0.3 - lift), (-0.4, 0.1), (-0.32, -0.1), (-0.1, -0.16))])
    pen.disc(0.54, -0.42, 0.11, 0.11, WHITE)
    pen.disc(0.57, -0.42, 0.07, 0.07, DARK)


def _cat(pen: Pen, rng: np.random.Generator) -> None:
    fur, tail = _pick(CAT_FURS, rng), float(rng.uniform(-0.08, 0.08))
    belly, stripe = _blend(fur, WHITE, 0.7), _shade(fur, 0.62)
    pen.blob(fur, [limb(0.19, (0.3, 0.82), (0.62, 0.78), (0.78, 0.56), (0.74, 0.3), (0.82 + tail, 0.06))])
    pen.blob(fur, [oval(0.0, 0.5, 0.44, 0.46), oval(-0.28, 0.82, 0.24, 0.14), oval(0.28, 0.82, 0.24, 0.14)])
    pen.disc(0.0, 0.46, 0.22, 0.3, belly)
    pen.stroke([(0.0, 0.68), (0.0, 0.95)], DARK)
    pen.blob(fur, [shape((-0.57, -0.3), (-0.55, -0.98), (-0.08, -0.64)), shape((0.57, -0.3), (0.55, -0.98), (0.08, -0.64)), oval(0.0, -0.28, 0.6, 0.46)])
    for side in (-1, 1):
        pen.patch([(side * 0.49, -0.58), (side * 0.48, -0.83), (side * 0.26, -0.67)], (250, 160, 170))
        pen.disc(side * 0.27, -0.34, 0.13, 0.14, (176, 226, 70))
        pen.disc(side * 0.27, -0.34, 0.05, 0.13, DARK)
        for y in (-0.17, -0.02):
            pen.stroke([(side * 0.3, -0.12 + (y + 0.1) * 0.4), (side * 0.86, y)], DARK, 0.02)
    for x in (-0.13, 0.0, 0.13):
        pen.stroke([(x, -0.7), (x * 0.8, -0.54)], stripe, 0.06)
    pen.disc(0.0, -0.06, 0.2, 0.13, belly)
    pen.patch([(-0.09, -0.16), (0.09, -0.16), (0.0, -0.06)], (236, 92, 112))
    pen.stroke([(-0.11, 0.0), (0.0, -0.03), (0.11, 0.0)], DARK, 0.03)


def _deer(pen: Pen, rng: np.random.Generator) -> None:
    coat, high = _pick(((186, 112, 54), (170, 94, 44), (204, 132, 66)), rng), float(rng.uniform(-0.05, 0.03))
    horn, cream = (246, 222, 168), (252, 236, 206)
    for base, out in ((0.44, -1), (0.54, 1)):
        pen.blob(
            horn,
            [
                limb(0.08, (base, -0.52), (base + out * 0.24, -0.72), (base + out * 0.28, -1.04 + high)),
                limb(0.08, (base + out * 0.08, -0.6), (base + out * 0.07, -0.92 + high)),
                limb(0.08, (base + out * 0.24, -0.72), (base + out * 0.46, -0.86 + high)),
            ],
        )
    pen.blob(_shade(coat, 0.72), [limb(0.11, (-0.38, 0.3), (-0.42, 0.95)), limb(0.11, (0.2, 0.3), (0.16, 0.95))])
    pen.blob(
        coat,
        [
            oval(-0.14, 0.16, 0.52, 0.25),
            shape((0.02, 0.0), (0.34, -0.52), (0.56, -0.4), (0.38, 0.2)),
            oval(0.52, -0.46, 0.23, 0.16),
            oval(0.7, -0.4, 0.14, 0.1),
            limb(0.12, (-0.54, 0.25), (-0.58, 0.95)),
            limb(0.12, (0.3, 0.25), (0.32, 0.95)),
            oval(0.26, -0.56, 0.17, 0.08),
        ],
    )
    pen.disc(-0.66, 0.02, 0.12, 0.14, cream, outlined=True)
    pen.disc(-0.12, 0.36, 0.38, 0.06, cream)
    for x, y in ((-0.44, 0.08), (-0.26, 0.02), (-0.08, 0.08), (-0.32, 0.2), (-0.14, 0.2), (0.08, 0.02)):
        pen.disc(x, y, 0.055, 0.055, cream)
    pen.disc(0.54, -0.5, 0.06, 0.06, DARK)
    pen.disc(0.82, -0.42, 0.06, 0.055, DARK)


def _dog(pen: Pen, rng: np.random.Generator) -> None:
    (fur, ear), wag = _pick(DOG_FURS, rng), float(rng.uniform(-0.12, 0.12))
    pen.blob(fur, [limb(0.15, (-0.66, 0.14), (-0.86, -0.12), (-0.86 + wag, -0.4))])
    pen.blob(_shade(fur, 0.8), [limb(0.2, (-0.36, 0.5), (-0.36, 0.86)), limb(0.2, (0.12, 0.5), (0.12, 0.86))])
    pen.blob(
        fur,
        [
            oval(-0.42, 0.3, 0.34, 0.32),
            shape((-0.42, 0.0), (0.3, -0.06), (0.4, 0.54), (-0.42, 0.6)),
            limb(0.22, (-0.6, 0.45), (-0.6, 0.86), (-0.54, 0.86)),
            limb(0.22, (0.3, 0.45), (0.3, 0.86), (0.36, 0.86)),
        ],
    )
    pen.disc(-0.28, 0.2, 0.24, 0.16, ear)
    pen.blob((240, 84, 112), [limb(0.17, (0.66, -0.06), (0.68, 0.2))])
    pen.blob(fur, [oval(0.3, -0.38, 0.42, 0.4), oval(0.7, -0.2, 0.28, 0.19)])
    pen.stroke([(0.46, -0.1), (0.66, -0.06), (0.9, -0.12)], DARK, 0.04)
    pen.disc(0.93, -0.3, 0.11, 0.09, DARK)
    pen.disc(0.46, -0.46, 0.1, 0.11, WHITE)
    pen.disc(0.49, -0.45, 0.07, 0.08, DARK)
    pen.stroke([(0.04, 0.05), (0.28, 0.1), (0.46, 0.05)], (214, 34, 44), 0.12)
    pen.blob(ear, [shape((0.16, -0.74), (-0.06, -0.7), (-0.26, -0.3), (-0.22, 0.06), (0.0, 0.1), (0.14, -0.16), (0.24, -0.5))])


def _frog(pen: Pen, rng: np.random.Generator) -> None:
    skin, wide = _pick(((72, 180, 62), (112, 196, 44), (40, 156, 88)), rng), float(rng.uniform(-0.04, 0.04))
    dim, pale = _shade(skin, 0.8), (224, 240, 150)
    for side in (-1, 1):
        pen.blob(dim, [oval(side * (0.66 + wide), 0.38, 0.3, 0.38), limb(0.16, (side * 0.5, 0.74), (side * 0.9, 0.76))])
    pen.blob(
        skin,
        [
            oval(0.0, 0.34, 0.56, 0.44),
            oval(0.0, -0.12, 0.72 + wide, 0.42),
            oval(-0.42, -0.46, 0.27, 0.27),
            oval(0.42, -0.46, 0.27, 0.27),
        ],
    )
    pen.disc(0.0, 0.46, 0.36, 0.3, pale)
    for side in (-1, 1):
        pen.blob(skin, [limb(0.17, (side * 0.38, 0.36), (side * 0.32, 0.78)), limb(0.12, (side * 0.16, 0.82), (side * 0.5, 0.82))])
        pen.disc(side * 0.42, -0.48, 0.18, 0.18, WHITE, outlined=True)
        pen.disc(side * 0.4, -0.46, 0.1, 0.11, DARK)
        pen.disc(side * 0.08, -0.16, 0.03, 0.03, DARK)
    pen.stroke([(-0.56, -0.08), (-0.34, 0.08), (0.0, 0.14), (0.34, 0.08), (0.56, -0.08)], (120, 30, 40), 0.07)


def _horse(pen: Pen, rng: np.random.Generator) -> None:
    (coat, mane), swing = _pick(HORSE_COATS, rng), float(rng.uniform(-0.08, 0.08))
    pen.blob(mane, [limb(0.18, (-0.6, -0.04), (-0.84, 0.1), (-0.88, 0.5 + swing))])
    pen.blob(_shade(coat, 0.74), [limb(0.12, (-0.36, 0.2), (-0.32, 0.94)), limb(0.12, (0.2, 0.2), (0.16 + swing, 0.94))])
    pen.blob(
        coat,
        [
            oval(-0.36, 0.08, 0.32, 0.28),
            oval(0.16, 0.1, 0.3, 0.28),
            shape((-0.36, -0.14), (0.16, -0.12), (0.16, 0.36), (-0.36, 0.34)),
            shape((0.0, -0.12), (0.34, -0.8), (0.6, -0.62), (0.44, 0.16)),
            shape((0.36, -0.82), (0.56, -0.82), (0.98, -0.42), (0.92, -0.26), (0.76, -0.24), (0.5, -0.46)),
            shape((0.4, -0.76), (0.46, -1.0), (0.56, -0.76)),
            limb(0.13, (-0.58, 0.15), (-0.6, 0.5), (-0.56, 0.94)),
            limb(0.13, (0.38, 0.15), (0.38, 0.94)),
        ],
    )
    for x in (-0.56, 0.38):
        pen.stroke([(x, 0.86), (x, 1.02)], DARK, 0.17)
    pen.blob(mane, [shape((0.44, -0.9), (0.28, -0.86), (0.02, -0.48), (-0.14, -0.06), (0.08, -0.1), (0.26, -0.4), (0.42, -0.66))])
    pen.disc(0.6, -0.64, 0.06, 0.06, DARK if sum(coat) > 240 else WHITE)
    pen.disc(0.9, -0.36, 0.04, 0.04, DARK)


def _ship(pen: Pen, rng: np.random.Generator) -> None:
    hull, paint, funnels = _pick(HULLS, rng), _pick(PAINTS, rng), _pick(((-0.12,), (-0.34, 0.1)), rng)
    for x in funnels:
        pen.disc(x - 0.2, -0.86, 0.16, 0.1, (206, 206, 212), outlined=True)
        pen.blob(paint, [box(x - 0.12, -0.72, x + 0.12, -0.3)])
        pen.patch([(x - 0.12, -0.72), (x + 0.12, -0.72), (x + 0.12, -0.6), (x - 0.12, -0.6)], DARK)
    pen.blob(WHITE, [box(-0.56, -0.34, 0.36, -0.08), box(-0.74, -0.1, 0.58, 0.16)])
    for x in (-0.4, -0.16, 0.08):
        pen.patch([(x, -0.26), (x + 0.13, -0.26), (x + 0.13, -0.14), (x, -0.14)], (50, 90, 140))
    pen.blob(hull, [shape((-0.94, 0.1), (0.56, 0.1), (1.0, -0.02), (0.7, 0.62), (-0.76, 0.62))])
    pen.patch([(-0.8, 0.48), (0.77, 0.48), (0.7, 0.62), (-0.76, 0.62)], WHITE)
    for x in (-0.6, -0.3, 0.0, 0.3):
        pen.disc(x, 0.28, 0.07, 0.07, (255, 236, 150))


def _truck(pen: Pen, rng: np.random.Generator) -> None:
    paint, cargo = _pick(PAINTS, rng), _pick(((246, 244, 240), (214, 220, 228), (250, 232, 190)), rng)
    high = float(rng.uniform(-0.74, -0.62))
    pen.blob((96, 98, 106), [box(-0.96, 0.34, 0.9, 0.48)])
    pen.blob(cargo, [box(-0.98, high, 0.3, 0.36)])
    pen.patch([(-0.98, -0.22), (0.3, -0.22), (0.3, -0.02), (-0.98, -0.02)], paint)
    pen.blob(paint, [shape((0.4, -0.4), (0.74, -0.4), (0.88, -0.04), (0.98, 0.04), (0.98, 0.46), (0.4, 0.46))])
    pen.patch([(0.5, -0.3), (0.69, -0.3), (0.8, -0.02), (0.5, -0.02)], GLASS)
    pen.disc(0.91, 0.22, 0.06, 0.07, (255, 240, 150))
    _wheels(pen, 0.5, 0.2, (-0.72, -0.24, 0.66))


def _blend(colour: Colour, other: Colour, share: float) -> Colour:
    r, g, b = (round(a + (z - a) * share) for a, z in zip(colour, other, strict=True))
    return r, g, b


_DRAWERS: dict[str, Callable[[Pen, np.random.Generator], None]] = {
    "airplane": _airplane,
    "automobile": _automobile,
    "bird": _bird,
    "cat": _cat,
    "deer": _deer,
    "dog": _dog,
    "frog": _frog,
    "horse": _horse,
    "ship": _ship,
    "truck": _truck,
}
