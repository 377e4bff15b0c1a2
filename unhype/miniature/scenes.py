"""The scenes of the miniature world: pale, flat and simple, so that a saturated figure in front of them stands out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from unhype.miniature.canvas import SIZE, Canvas, Colour

SCENES: tuple[str, ...] = ("street", "sky", "ground", "forest", "sea")
"""The scenes that have a place; the backdrop ``"studio"`` can be drawn too."""

STUDIOS: tuple[tuple[Colour, Colour], ...] = (
    ((232, 232, 234), (232, 232, 234)),
    ((206, 208, 214), (222, 223, 228)),
    ((214, 228, 242), (226, 236, 246)),
    ((244, 224, 226), (248, 234, 234)),
    ((222, 238, 222), (232, 244, 230)),
    ((246, 238, 214), (250, 244, 228)),
)
"""Plain backdrops: the colour of the wall and of the floor."""


def draw_scene(canvas: Canvas, kind: str, rng: np.random.Generator) -> None:
    """Fills the whole canvas with a scene of ``kind``."""
    if kind not in _DRAWERS:
        raise ValueError(f"got the scene {kind!r}, wanted one of {', '.join(_DRAWERS)}")
    _DRAWERS[kind](canvas, rng)


def _street(canvas: Canvas, rng: np.random.Generator) -> None:
    horizon = _between(rng, 37, 40)
    _fill(canvas, 0, horizon, _tint((214, 230, 242), rng))
    x = _between(rng, -10, 0)
    walls: tuple[Colour, ...] = ((226, 204, 186), (206, 208, 216), (232, 220, 190), (214, 190, 184))
    first = int(rng.integers(len(walls)))
    for number in range(5):
        width, top = _between(rng, 14, 19), _between(rng, 5, 16)
        wall = walls[(first + number) % len(walls)]
        canvas.rectangle(x, top, x + width, horizon, wall, _darker(wall, 0.82), 0.5)
        for column in (0.18, 0.6):
            for y in (top + 4, top + 12, top + 20):
                if y < horizon - 6:
                    canvas.rectangle(x + column * width, y, x + (column + 0.22) * width, y + 4.5, (150, 172, 196))
        x += width
    _fill(canvas, horizon, horizon + 4, (214, 212, 208))
    _fill(canvas, horizon + 4, SIZE, _tint((160, 162, 168), rng))
    start = _between(rng, -12, 0)
    for number in range(5):
        canvas.rectangle(start + 17 * number, 57, start + 17 * number + 9, 59, (246, 244, 232))


def _sky(canvas: Canvas, rng: np.random.Generator) -> None:
    blue = _tint((156, 206, 244), rng)
    for band in range(8):
        _fill(canvas, 8 * band, 8 * band + 8, _lighter(blue, 0.05 * band))
    sun = _between(rng, 6, 14)
    canvas.ellipse(sun if rng.random() < 0.5 else SIZE - sun, _between(rng, 7, 12), 6, 6, (255, 234, 140))
    for x, y in ((14, 22), (46, 12), (52, 48), (16, 54)):
        _cloud(canvas, x + _between(rng, -7, 7), y + _between(rng, -4, 4), _between(rng, 0.8, 1.15))


def _ground(canvas: Canvas, rng: np.random.Generator) -> None:
    horizon, grass = _between(rng, 31, 36), _tint((176, 212, 140), rng)
    _fill(canvas, 0, horizon + 2, _tint((212, 232, 246), rng))
    hill = _between(rng, 8, 56)
    canvas.ellipse(hill, horizon + 6, 30, 13, _lighter(grass, 0.3))
    _fill(canvas, horizon, SIZE, grass)
    canvas.ellipse(32 + _between(rng, -4, 4), 62, 36, 10, (214, 196, 156))
    for x, y in ((6, 42), (20, 48), (44, 44), (57, 50)):
        _tuft(canvas, x + _between(rng, -4, 4), y + _between(rng, -3, 2), _darker(grass, 0.8))


def _forest(canvas: Canvas, rng: np.random.Generator) -> None:
    leaf = _tint((146, 190, 138), rng)
    _fill(canvas, 0, 46, (216, 234, 212))
    for x in (12, 32, 52):
        centre = x + _between(rng, -4, 4)
        canvas.rectangle(centre - 1.5, 0, centre + 1.5, 46, (190, 200, 176))
    _fill(canvas, 46, SIZE, _tint((190, 196, 142), rng))
    for x in (5, 22, 43, 60):
        centre = x + _between(rng, -3, 3)
        canvas.rectangle(centre - 2.5, 8, centre + 2.5, 49 + _between(rng, -1, 3), (170, 142, 116))
    for number, x in enumerate((2, 22, 42, 62)):
        canvas.ellipse(
            x + _between(rng, -3, 3),
            _between(rng, 6, 12),
            12,
            _between(rng, 11, 14),
            leaf if number % 2 else _darker(leaf, 0.9),
        )


def _sea(canvas: Canvas, rng: np.random.Generator) -> None:
    horizon, water = _between(rng, 30, 36), _tint((116, 178, 210), rng)
    _fill(canvas, 0, horizon, _tint((222, 236, 246), rng))
    for x in (14, 48):
        _cloud(canvas, x + _between(rng, -7, 7), _between(rng, 6, 14), _between(rng, 0.7, 1.0))
    _fill(canvas, horizon, SIZE, water)
    start = _between(rng, 0, 12)
    for row, y in enumerate((horizon + 5, horizon + 12, horizon + 20, horizon + 28)):
        for x in range(-12, SIZE, 12):
            canvas.arc(x + start + 6 * (row % 2), y - 3, 6, 3.5, 20, 160, _lighter(water, 0.55), 1.0)


def _studio(canvas: Canvas, rng: np.random.Generator) -> None:
    wall, floor = STUDIOS[int(rng.integers(len(STUDIOS)))]
    _fill(canvas, 0, SIZE, wall)
    edge = _between(rng, 44, 50)
    if floor != wall:
        _fill(canvas, edge, SIZE, floor)


def _cloud(canvas: Canvas, x: float, y: float, scale: float) -> None:
    for dx, dy, radius in ((-5, 1, 3.5), (0, -1, 5), (5, 1, 3.5)):
        canvas.ellipse(x + dx * scale, y + dy * scale, radius * 1.3 * scale, radius * scale, (250, 252, 254))


def _tuft(canvas: Canvas, x: float, y: float, colour: Colour) -> None:
    for lean in (-2, 0, 2):
        canvas.line([(x, y), (x + lean, y - 3.5)], colour, 1.0)


def _fill(canvas: Canvas, top: float, bottom: float, colour: Colour) -> None:
    canvas.rectangle(0, top, SIZE, bottom, colour)


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _tint(colour: Colour, rng: np.random.Generator) -> Colour:
    return _colour([value + shift for value, shift in zip(colour, rng.uniform(-9, 9, 3), strict=True)])


def _darker(colour: Colour, factor: float) -> Colour:
    return _colour([value * factor for value in colour])


def _lighter(colour: Colour, share: float) -> Colour:
    return _colour([value + (255 - value) * share for value in colour])


def _colour(values: Sequence[float]) -> Colour:
    r, g, b = (max(0, min(255, round(value))) for value in values)
    return r, g, b


_DRAWERS: dict[str, Callable[[Canvas, np.random.Generator], None]] = {
    "street": _street,
    "sky": _sky,
    "ground": _ground,
    "forest": _forest,
    "sea": _sea,
    "studio": _studio,
}
