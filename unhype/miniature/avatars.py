"""Fantasy mascots: eight attributes decide how an avatar looks, and nothing else does.

Skin, hair and clothes have colours that nobody has, so that no picture pretends to depict a person. Every attribute is
a small integer; an avatar is a tuple of eight of them, its *code*. Any two named avatars differ in several attributes,
so they can be told apart even in a picture that a small model draws slightly wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from unhype.miniature.canvas import Canvas, Colour

Code = tuple[int, int, int, int, int, int, int, int]

INK: Colour = (35, 30, 45)
WHITE: Colour = (250, 250, 250)

SKIN: dict[str, Colour] = {
    "green": (125, 205, 95),
    "blue": (95, 165, 245),
    "violet": (170, 125, 230),
    "coral": (240, 110, 100),
    "yellow": (250, 222, 95),
    "teal": (50, 180, 165),
    "pink": (252, 175, 210),
    "grey": (165, 170, 180),
}
HAIR: dict[str, Colour] = {
    "black": (45, 42, 50),
    "white": (244, 244, 240),
    "red": (205, 40, 35),
    "blue": (35, 65, 195),
    "green": (25, 130, 60),
    "purple": (125, 40, 150),
    "gold": (245, 190, 40),
    "pink": (250, 100, 175),
}
HAIR_STYLE = ("bald", "short", "long", "bunches", "afro", "spikes", "braids", "bob")
HEADGEAR = ("none", "top hat", "cap", "crown", "horns", "bunny ears")
EYEWEAR = ("none", "glasses", "sunglasses", "eyepatch", "visor", "goggles")
MOUTH = ("smile", "moustache", "beard", "grin", "tongue", "mask")
SHIRT: dict[str, Colour] = {
    "red": (215, 45, 45),
    "blue": (45, 85, 215),
    "green": (40, 150, 70),
    "yellow": (250, 210, 50),
    "black": (50, 50, 58),
    "white": (245, 245, 245),
    "purple": (140, 60, 175),
    "orange": (250, 135, 35),
}
PATTERN = ("plain", "stripes", "dots", "tie", "sash")

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "skin": tuple(SKIN),
    "hair": tuple(HAIR),
    "hair style": HAIR_STYLE,
    "headgear": HEADGEAR,
    "eyewear": EYEWEAR,
    "mouth": MOUTH,
    "shirt": tuple(SHIRT),
    "pattern": PATTERN,
}
"""Attribute → its values, in the order of a code's entries."""

CARDINALITIES: tuple[int, ...] = tuple(len(values) for values in ATTRIBUTES.values())


def distance(a: Code, b: Code) -> int:
    """In how many of the eight attributes two avatars differ (Hamming distance, 0…8)."""
    return sum(x != y for x, y in zip(a, b, strict=True))


@dataclass(frozen=True)
class Pen:
    """Draws in head units: (0, 0) is the middle of the face, 1 is half its height."""

    canvas: Canvas
    cx: float
    cy: float
    scale: float

    def x(self, u: float) -> float:
        return self.cx + u * self.scale

    def y(self, v: float) -> float:
        return self.cy + v * self.scale

    @property
    def line_width(self) -> float:
        return max(0.9, 0.085 * self.scale)

    def ellipse(self, u: float, v: float, ru: float, rv: float, fill: Colour | None, ink: bool = True) -> None:
        outline, width = (INK, self.line_width) if ink else (None, 0.0)
        self.canvas.ellipse(self.x(u), self.y(v), ru * self.scale, rv * self.scale, fill, outline, width)

    def rectangle(
        self, u0: float, v0: float, u1: float, v1: float, fill: Colour | None, radius: float = 0.0, ink: bool = True
    ) -> None:
        outline, width = (INK, self.line_width) if ink else (None, 0.0)
        self.canvas.rectangle(self.x(u0), self.y(v0), self.x(u1), self.y(v1), fill, outline, width, radius * self.scale)

    def polygon(self, *points: tuple[float, float], fill: Colour, ink: bool = True) -> None:
        scaled = [(self.x(u), self.y(v)) for u, v in points]
        self.canvas.polygon(scaled, fill)
        if ink:
            self.canvas.line([*scaled, scaled[0], scaled[1]], INK, self.line_width)

    def line(self, *points: tuple[float, float], fill: Colour = INK, width: float = 0.09) -> None:
        self.canvas.line([(self.x(u), self.y(v)) for u, v in points], fill, max(0.9, width * self.scale))

    def slice(self, u: float, v: float, ru: float, rv: float, start: float, end: float, fill: Colour) -> None:
        self.canvas.slice(self.x(u), self.y(v), ru * self.scale, rv * self.scale, start, end, fill)

    def arc(self, u: float, v: float, ru: float, rv: float, start: float, end: float, width: float = 0.09) -> None:
        self.canvas.arc(
            self.x(u), self.y(v), ru * self.scale, rv * self.scale, start, end, INK, max(0.9, width * self.scale)
        )


def draw_avatar(canvas: Canvas, code: Code, cx: float, cy: float, scale: float) -> None:
    """Draw an avatar from the shoulders up.

    Args:
        code: one value of each attribute.
        cx, cy: middle of the face in picture pixels.
        scale: half the face's height in picture pixels: about 14 alone, 9 for one of two.
    """
    values = [options[i] for options, i in zip(ATTRIBUTES.values(), code, strict=True)]
    skin, hair, style, headgear, eyewear, mouth, shirt, pattern = values
    pen = Pen(canvas, cx, cy, scale)
    _hair_behind(pen, style, HAIR[hair])
    _body(pen, SHIRT[shirt], pattern)
    pen.ellipse(0, 0, 0.86, 1.0, SKIN[skin])
    _hair_in_front(pen, style, HAIR[hair])
    _eyes(pen, eyewear)
    _mouth(pen, mouth, HAIR[hair])
    _headgear(pen, headgear, SKIN[skin])


def _hair_behind(pen: Pen, style: str, colour: Colour) -> None:
    if style == "long":
        pen.rectangle(-1.12, -0.75, 1.12, 1.62, colour, radius=0.55)
    elif style == "bob":
        pen.rectangle(-1.32, -0.8, 1.32, 0.72, colour, radius=0.45)
    elif style == "afro":
        pen.ellipse(0, -0.3, 1.5, 1.2, colour)
    elif style == "spikes":
        tips = []
        for k in range(19):
            angle = math.radians(28 - 236 * k / 18)
            radius = 1.62 if k % 2 else 1.02
            tips.append((radius * math.cos(angle) * 0.95, -0.12 + radius * math.sin(angle) * 0.95))
        pen.polygon(*tips, fill=colour)


def _hair_in_front(pen: Pen, style: str, colour: Colour) -> None:
    if style == "bald":
        return
    pen.slice(0, 0, 0.86, 1.0, 205, 335, INK)
    pen.slice(0, -0.09, 0.78, 0.85, 207, 333, colour)
    if style == "short":
        for side in (-1, 1):
            pen.rectangle(side * 0.88 - 0.14, -0.55, side * 0.88 + 0.14, 0.12, colour, radius=0.1)
    elif style == "bunches":
        for side in (-1, 1):
            pen.ellipse(side * 1.22, -0.3, 0.46, 0.46, colour)
    elif style == "braids":
        for side in (-1, 1):
            pen.rectangle(side * 1.06 - 0.19, -0.5, side * 1.06 + 0.19, 1.1, colour, radius=0.19)
            pen.ellipse(side * 1.06, 1.22, 0.3, 0.3, colour)


def _body(pen: Pen, colour: Colour, pattern: str) -> None:
    pen.rectangle(-0.32, 0.7, 0.32, 1.5, (225, 215, 205), ink=True)
    pen.rectangle(-1.45, 1.28, 1.45, 4.5, colour, radius=0.55)
    accent = INK if sum(colour) > 330 else WHITE
    if pattern == "stripes":
        for v in (1.66, 2.1, 2.54):
            pen.line((-1.38, v), (1.38, v), fill=accent, width=0.17)
    elif pattern == "dots":
        for u, v in ((-1.0, 1.68), (-0.35, 1.72), (0.35, 1.72), (1.0, 1.68), (-0.68, 2.15), (0.0, 2.15), (0.68, 2.15)):
            pen.ellipse(u, v, 0.15, 0.15, accent, ink=False)
    elif pattern == "tie":
        pen.polygon((-0.2, 1.32), (0.2, 1.32), (0.34, 2.6), (-0.34, 2.6), fill=accent, ink=False)
    elif pattern == "sash":
        pen.polygon((-1.42, 1.5), (-0.9, 1.3), (1.42, 2.5), (0.7, 2.7), fill=accent, ink=False)


def _eyes(pen: Pen, eyewear: str) -> None:
    for side in (-1, 1):
        if eyewear == "glasses":
            pen.ellipse(side * 0.4, -0.08, 0.38, 0.38, WHITE)
            pen.ellipse(side * 0.36, -0.06, 0.13, 0.15, INK, ink=False)
        else:
            pen.ellipse(side * 0.35, -0.08, 0.14, 0.19, INK, ink=False)
    if eyewear == "sunglasses":
        for side in (-1, 1):
            pen.rectangle(side * 0.4 - 0.33, -0.36, side * 0.4 + 0.33, 0.18, (20, 20, 28), radius=0.12)
        pen.line((-0.86, -0.26), (0.86, -0.26), width=0.12)
    elif eyewear == "eyepatch":
        pen.ellipse(-0.36, -0.06, 0.34, 0.34, (20, 20, 28))
        pen.line((-0.84, -0.3), (0.72, -0.62), width=0.12)
    elif eyewear == "visor":
        pen.rectangle(-0.9, -0.34, 0.9, 0.16, (240, 40, 60), radius=0.1)
    elif eyewear == "goggles":
        for side in (-1, 1):
            pen.ellipse(side * 0.4, -0.08, 0.4, 0.4, (90, 230, 245))
            pen.ellipse(side * 0.4, -0.06, 0.12, 0.14, INK, ink=False)


def _mouth(pen: Pen, mouth: str, hair: Colour) -> None:
    if mouth == "smile":
        pen.arc(0, 0.34, 0.42, 0.3, 15, 165, width=0.13)
    elif mouth == "moustache":
        for side in (-1, 1):
            pen.ellipse(side * 0.32, 0.46, 0.38, 0.2, hair)
    elif mouth == "beard":
        pen.slice(0, 0.1, 0.9, 1.12, 12, 168, INK)
        pen.slice(0, 0.12, 0.8, 1.0, 14, 166, hair)
        pen.ellipse(0, 0.52, 0.24, 0.12, (200, 60, 70))
    elif mouth == "grin":
        pen.rectangle(-0.5, 0.3, 0.5, 0.72, WHITE, radius=0.15)
        pen.line((0, 0.34), (0, 0.7))
    elif mouth == "tongue":
        pen.ellipse(0, 0.46, 0.28, 0.16, (90, 20, 40))
        pen.ellipse(0, 0.66, 0.2, 0.26, (245, 60, 110))
    elif mouth == "mask":
        pen.rectangle(-0.74, 0.26, 0.74, 0.88, (90, 220, 230), radius=0.2)


def _headgear(pen: Pen, headgear: str, skin: Colour) -> None:
    if headgear == "top hat":
        pen.rectangle(-0.62, -1.95, 0.62, -0.72, (40, 40, 52))
        pen.rectangle(-0.6, -1.12, 0.6, -0.86, (225, 50, 60), ink=False)
        pen.rectangle(-1.05, -0.86, 1.05, -0.64, (40, 40, 52), radius=0.08)
    elif headgear == "cap":
        pen.slice(0, -0.62, 0.84, 0.78, 180, 360, INK)
        pen.slice(0, -0.62, 0.74, 0.68, 180, 360, (250, 95, 30))
        pen.rectangle(-0.2, -0.78, 1.3, -0.56, (250, 95, 30), radius=0.1)
    elif headgear == "crown":
        points = ((-0.72, -0.66), (-0.86, -1.62), (-0.4, -1.2), (0.0, -1.75), (0.4, -1.2), (0.86, -1.62), (0.72, -0.66))
        pen.polygon(*points, fill=(255, 212, 40))
    elif headgear == "horns":
        for side in (-1, 1):
            pen.polygon(
                (side * 0.2, -0.9),
                (side * 0.62, -0.68),
                (side * 1.0, -1.75),
                (side * 0.55, -1.35),
                fill=(240, 225, 190),
            )
    elif headgear == "bunny ears":
        for side in (-1, 1):
            pen.ellipse(side * 0.42, -1.4, 0.26, 0.66, skin)
            pen.ellipse(side * 0.42, -1.36, 0.11, 0.42, (255, 190, 205), ink=False)
