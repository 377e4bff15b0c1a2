"""The vehicles of the miniature world: airplane, automobile, ship and truck."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unhype.miniature.canvas import Colour
from unhype.miniature.thingpen import DARK, WHITE, Pen, box, oval, pick, shade, shape

GLASS: Colour = (150, 212, 242)
TYRE: Colour = (52, 50, 56)

PAINTS: tuple[Colour, ...] = (
    (222, 42, 46),
    (38, 92, 214),
    (246, 190, 30),
    (36, 158, 84),
    (240, 122, 30),
    (130, 62, 178),
)
HULLS: tuple[Colour, ...] = ((196, 36, 40), (30, 62, 140), (52, 56, 66), (24, 120, 92))


def draw_airplane(pen: Pen, rng: np.random.Generator) -> None:
    paint, body = pick(PAINTS, rng), pick(((248, 248, 250), (226, 230, 238), (255, 246, 224)), rng)
    pen.blob(shade(paint, 0.8), [shape((0.12, -0.12), (-0.3, -0.58), (-0.46, -0.58), (-0.24, -0.1))])
    pen.blob(paint, [shape((-0.5, -0.12), (-0.82, -0.66), (-1.0, -0.66), (-0.92, -0.05))])
    pen.blob(
        body,
        [shape((-0.95, -0.14), (-0.5, -0.22), (0.55, -0.22), (0.55, 0.22), (-0.4, 0.22)), oval(0.55, 0.0, 0.42, 0.22)],
    )
    pen.patch([(-0.72, 0.02), (0.94, 0.02), (0.9, 0.1), (-0.6, 0.1)], paint)
    pen.patch([(0.62, -0.17), (0.76, -0.14), (0.88, -0.03), (0.62, -0.03)], (40, 70, 110))
    for x in (-0.45, -0.22, 0.01, 0.24, 0.45):
        pen.disc(x, -0.09, 0.065, 0.065, (40, 70, 110))
    pen.blob(paint, [shape((0.26, 0.08), (-0.28, 0.66), (-0.5, 0.66), (-0.2, 0.08))])
    pen.blob(shade(paint, 0.8), [shape((-0.66, 0.0), (-0.94, 0.2), (-1.02, 0.2), (-0.88, 0.0))])


def draw_automobile(pen: Pen, rng: np.random.Generator) -> None:
    paint, roof = pick(PAINTS, rng), float(rng.uniform(-0.52, -0.42))
    pen.blob(
        paint,
        [
            shape((-0.66, 0.0), (-0.44, roof), (0.24, roof), (0.58, 0.0)),
            shape(
                (-0.97, -0.02), (-0.9, -0.08), (0.62, -0.06), (0.92, 0.06), (0.98, 0.18), (0.98, 0.36), (-0.98, 0.36)
            ),
        ],
    )
    pen.patch([(-0.52, -0.05), (-0.37, roof + 0.1), (-0.12, roof + 0.1), (-0.12, -0.05)], GLASS)
    pen.patch([(-0.02, -0.05), (-0.02, roof + 0.1), (0.19, roof + 0.1), (0.43, -0.05)], GLASS)
    pen.stroke([(-0.07, -0.02), (-0.07, 0.32)], shade(paint, 0.6))
    pen.stroke([(0.04, 0.08), (0.14, 0.08)], DARK)
    pen.disc(0.9, 0.14, 0.08, 0.08, (255, 240, 150))
    pen.patch([(-0.97, 0.04), (-0.87, 0.04), (-0.87, 0.17), (-0.97, 0.17)], (255, 120, 90))
    _wheels(pen, 0.36, 0.23, (-0.54, 0.56))


def draw_ship(pen: Pen, rng: np.random.Generator) -> None:
    hull, paint, funnels = pick(HULLS, rng), pick(PAINTS, rng), pick(((-0.12,), (-0.34, 0.1)), rng)
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


def draw_truck(pen: Pen, rng: np.random.Generator) -> None:
    paint, cargo = pick(PAINTS, rng), pick(((246, 244, 240), (214, 220, 228), (250, 232, 190)), rng)
    high = float(rng.uniform(-0.74, -0.62))
    pen.blob((96, 98, 106), [box(-0.96, 0.34, 0.9, 0.48)])
    pen.blob(cargo, [box(-0.98, high, 0.3, 0.36)])
    pen.patch([(-0.98, -0.22), (0.3, -0.22), (0.3, -0.02), (-0.98, -0.02)], paint)
    pen.blob(paint, [shape((0.4, -0.4), (0.74, -0.4), (0.88, -0.04), (0.98, 0.04), (0.98, 0.46), (0.4, 0.46))])
    pen.patch([(0.5, -0.3), (0.69, -0.3), (0.8, -0.02), (0.5, -0.02)], GLASS)
    pen.disc(0.91, 0.22, 0.06, 0.07, (255, 240, 150))
    _wheels(pen, 0.5, 0.2, (-0.72, -0.24, 0.66))


def _wheels(pen: Pen, y: float, radius: float, xs: Sequence[float]) -> None:
    for x in xs:
        pen.disc(x, y, radius, radius, TYRE, outlined=True)
        pen.disc(x, y, radius * 0.45, radius * 0.45, (206, 208, 214))
