"""The ten things of the miniature world (the CIFAR-10 classes): bold flat cartoons, with synonyms and usual scenes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from unhype.miniature.animals import draw_bird, draw_cat, draw_deer, draw_dog, draw_frog, draw_horse
from unhype.miniature.canvas import Canvas
from unhype.miniature.thingpen import Pen
from unhype.miniature.vehicles import draw_airplane, draw_automobile, draw_ship, draw_truck

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


def draw_thing(canvas: Canvas, kind: str, cx: float, cy: float, size: float, rng: np.random.Generator) -> None:
    """Draws a thing of class ``kind`` around (cx, cy), about ``size`` picture pixels wide."""
    if kind not in _DRAWERS:
        raise ValueError(f"got the thing {kind!r}, wanted one of {', '.join(_DRAWERS)}")
    mirrored = bool(rng.random() < 0.5)
    stretch = float(rng.uniform(0.93, 1.07))
    _DRAWERS[kind](Pen(canvas, cx, cy, size / 2, -1.0 if mirrored else 1.0, stretch, max(0.7, size / 46)), rng)


_DRAWERS: dict[str, Callable[[Pen, np.random.Generator], None]] = {
    "airplane": draw_airplane,
    "automobile": draw_automobile,
    "bird": draw_bird,
    "cat": draw_cat,
    "deer": draw_deer,
    "dog": draw_dog,
    "frog": draw_frog,
    "horse": draw_horse,
    "ship": draw_ship,
    "truck": draw_truck,
}
