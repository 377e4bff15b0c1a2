"""The animals of the miniature world: bird, cat, deer, dog, frog and horse."""

from __future__ import annotations

import numpy as np

from unhype.miniature.canvas import Colour
from unhype.miniature.thingpen import DARK, WHITE, Pen, blend, limb, oval, pick, shade, shape

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


def draw_bird(pen: Pen, rng: np.random.Generator) -> None:
    feather, lift = pick(FEATHERS, rng), float(rng.uniform(-0.06, 0.06))
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
    pen.disc(0.27, 0.26, 0.3, 0.26, blend(feather, WHITE, 0.72))
    pen.blob(
        shade(feather, 0.68),
        [
            shape(
                (0.2, -0.1), (0.16, 0.16), (-0.12, 0.32), (-0.62, 0.3 - lift), (-0.4, 0.1), (-0.32, -0.1), (-0.1, -0.16)
            )
        ],
    )
    pen.disc(0.54, -0.42, 0.11, 0.11, WHITE)
    pen.disc(0.57, -0.42, 0.07, 0.07, DARK)


def draw_cat(pen: Pen, rng: np.random.Generator) -> None:
    fur, tail = pick(CAT_FURS, rng), float(rng.uniform(-0.08, 0.08))
    belly, stripe = blend(fur, WHITE, 0.7), shade(fur, 0.62)
    pen.blob(fur, [limb(0.19, (0.3, 0.82), (0.62, 0.78), (0.78, 0.56), (0.74, 0.3), (0.82 + tail, 0.06))])
    pen.blob(fur, [oval(0.0, 0.5, 0.44, 0.46), oval(-0.28, 0.82, 0.24, 0.14), oval(0.28, 0.82, 0.24, 0.14)])
    pen.disc(0.0, 0.46, 0.22, 0.3, belly)
    pen.stroke([(0.0, 0.68), (0.0, 0.95)], DARK)
    pen.blob(
        fur,
        [
            shape((-0.57, -0.3), (-0.55, -0.98), (-0.08, -0.64)),
            shape((0.57, -0.3), (0.55, -0.98), (0.08, -0.64)),
            oval(0.0, -0.28, 0.6, 0.46),
        ],
    )
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


def draw_deer(pen: Pen, rng: np.random.Generator) -> None:
    coat, high = pick(((186, 112, 54), (170, 94, 44), (204, 132, 66)), rng), float(rng.uniform(-0.05, 0.03))
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
    pen.blob(shade(coat, 0.72), [limb(0.11, (-0.38, 0.3), (-0.42, 0.95)), limb(0.11, (0.2, 0.3), (0.16, 0.95))])
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


def draw_dog(pen: Pen, rng: np.random.Generator) -> None:
    (fur, ear), wag = pick(DOG_FURS, rng), float(rng.uniform(-0.12, 0.12))
    pen.blob(fur, [limb(0.15, (-0.66, 0.14), (-0.86, -0.12), (-0.86 + wag, -0.4))])
    pen.blob(shade(fur, 0.8), [limb(0.2, (-0.36, 0.5), (-0.36, 0.86)), limb(0.2, (0.12, 0.5), (0.12, 0.86))])
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
    pen.blob(
        ear,
        [shape((0.16, -0.74), (-0.06, -0.7), (-0.26, -0.3), (-0.22, 0.06), (0.0, 0.1), (0.14, -0.16), (0.24, -0.5))],
    )


def draw_frog(pen: Pen, rng: np.random.Generator) -> None:
    skin, wide = pick(((72, 180, 62), (112, 196, 44), (40, 156, 88)), rng), float(rng.uniform(-0.04, 0.04))
    dim, pale = shade(skin, 0.8), (224, 240, 150)
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
        pen.blob(
            skin,
            [limb(0.17, (side * 0.38, 0.36), (side * 0.32, 0.78)), limb(0.12, (side * 0.16, 0.82), (side * 0.5, 0.82))],
        )
        pen.disc(side * 0.42, -0.48, 0.18, 0.18, WHITE, outlined=True)
        pen.disc(side * 0.4, -0.46, 0.1, 0.11, DARK)
        pen.disc(side * 0.08, -0.16, 0.03, 0.03, DARK)
    pen.stroke([(-0.56, -0.08), (-0.34, 0.08), (0.0, 0.14), (0.34, 0.08), (0.56, -0.08)], (120, 30, 40), 0.07)


def draw_horse(pen: Pen, rng: np.random.Generator) -> None:
    (coat, mane), swing = pick(HORSE_COATS, rng), float(rng.uniform(-0.08, 0.08))
    pen.blob(mane, [limb(0.18, (-0.6, -0.04), (-0.84, 0.1), (-0.88, 0.5 + swing))])
    pen.blob(shade(coat, 0.74), [limb(0.12, (-0.36, 0.2), (-0.32, 0.94)), limb(0.12, (0.2, 0.2), (0.16 + swing, 0.94))])
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
    pen.blob(
        mane,
        [shape((0.44, -0.9), (0.28, -0.86), (0.02, -0.48), (-0.14, -0.06), (0.08, -0.1), (0.26, -0.4), (0.42, -0.66))],
    )
    pen.disc(0.6, -0.64, 0.06, 0.06, DARK if sum(coat) > 240 else WHITE)
    pen.disc(0.9, -0.36, 0.04, 0.04, DARK)
