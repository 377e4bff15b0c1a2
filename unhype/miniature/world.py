"""The procedural world: (subject, scene, style, seed) → a picture and the truth about it.

The same arguments give the same bytes on every machine with the same Pillow; nothing but the seed is random.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from unhype.miniature.avatars import Code, draw_avatar
from unhype.miniature.canvas import Canvas
from unhype.miniature.captions import Subject, training_caption
from unhype.miniature.people import NEUTRAL, codes, neutral_code
from unhype.miniature.scenes import SCENES, draw_scene
from unhype.miniature.styles import STYLES, apply_style
from unhype.miniature.things import HOME, THINGS, draw_thing


@dataclass(frozen=True)
class Picture:
    """A rendered picture with its truth.

    Attributes:
        pixels: ``uint8 [64, 64, 3]``.
        codes: the look of each person, from left to right.
    """

    subject: Subject
    scene: str
    style: str
    pixels: np.ndarray
    codes: tuple[Code, ...]


def render(subject: Subject, scene: str = "studio", style: str = "photo", seed: int = 0) -> Picture:
    """Draw one picture.

    Raises:
        ValueError: somebody or something that the world does not know, or a subject that does not fit a picture.
    """
    _check(subject, scene, style)
    rng = _generator(subject, scene, style, seed)
    looks = _draw_looks(subject, rng)
    canvas = Canvas()
    draw_scene(canvas, scene, rng)
    for code, (cx, cy, scale) in zip(looks, _places(len(looks), subject.thing is not None), strict=True):
        jitter = rng.uniform(-1, 1, size=3)
        draw_avatar(canvas, code, cx + 1.5 * jitter[0], cy + 1.2 * jitter[1], scale * (1 + 0.05 * jitter[2]))
    if subject.thing:
        cx, cy, size = (48.0, 46.0, 25.0) if looks else (32.0, 32.5, 46.0)
        draw_thing(
            canvas,
            subject.thing,
            cx + float(rng.uniform(-1.5, 1.5)),
            cy + float(rng.uniform(-1, 1)),
            size * float(rng.uniform(0.94, 1.06)),
            rng,
        )
    return Picture(subject, scene, style, apply_style(canvas.pixels(), style, rng), looks)


def looks_of(subject: Subject, scene: str, style: str, seed: int) -> tuple[Code, ...]:
    """The looks of the people in the picture that :func:`render` would draw, from left to right, without drawing it."""
    return _draw_looks(subject, _generator(subject, scene, style, seed))


def _generator(subject: Subject, scene: str, style: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([_stable_hash(subject, scene, style), seed])


def _draw_looks(subject: Subject, rng: np.random.Generator) -> tuple[Code, ...]:
    return tuple(neutral_code(p, rng) if p in NEUTRAL else codes()[p] for p in subject.people)


@dataclass(frozen=True)
class Example:
    """What to draw and what to say of it: one row of the pretraining data, before any pixel exists."""

    subject: Subject
    scene: str
    style: str
    place_said: bool

    def caption(self, rng: np.random.Generator) -> str:
        """A random training caption for this row."""
        return training_caption(self.subject, self.scene, self.style, rng, self.place_said)


def draw_example(rng: np.random.Generator) -> Example:
    """Draw a row of the pretraining mixture.

    It has people (alone, in pairs, with things), things, nameless people and empty scenes.
    """
    subject = _draw_subject(rng)
    home = HOME[subject.thing] if subject.thing and not subject.people else "studio"
    place_said = rng.random() < 0.25
    scene = str(rng.choice(SCENES)) if place_said or not (subject.people or subject.thing) else home
    style = str(rng.choice(STYLES, p=(0.8, 0.1, 0.1)))
    return Example(subject, scene, style, place_said)


def _draw_subject(rng: np.random.Generator) -> Subject:
    names, things = list(codes()), list(THINGS)
    kind = rng.choice(
        ("name", "pair", "thing", "name and thing", "neutral", "scene"), p=(0.46, 0.21, 0.13, 0.07, 0.10, 0.03)
    )
    if kind == "name":
        return Subject((str(rng.choice(names)),))
    if kind == "pair":
        left, right = rng.choice(names, size=2, replace=False)
        neutral = rng.random(2) < 0.08
        return Subject((_nameless(rng) if neutral[0] else str(left), _nameless(rng) if neutral[1] else str(right)))
    if kind == "thing":
        return Subject(thing=str(rng.choice(things)))
    if kind == "name and thing":
        return Subject((_nameless(rng) if rng.random() < 0.15 else str(rng.choice(names)),), str(rng.choice(things)))
    if kind == "neutral":
        return Subject((_nameless(rng),))
    return Subject()


def _nameless(rng: np.random.Generator) -> str:
    return str(rng.choice(list(NEUTRAL)))


def _places(people: int, thing: bool) -> list[tuple[float, float, float]]:
    """(cx, cy, scale) of each face, from left to right, in picture pixels."""
    if people == 2:
        return [(17.0, 32.0, 9.6), (47.0, 32.0, 9.6)]
    if people == 1:
        return [(18.0, 32.0, 10.4)] if thing else [(32.0, 33.0, 15.0)]
    return []


def _check(subject: Subject, scene: str, style: str) -> None:
    for person in subject.people:
        if person not in NEUTRAL and person not in codes():
            raise ValueError(
                f"got the person {person!r}, wanted one of the {len(codes())} names in people.yaml "
                f"or one of {', '.join(NEUTRAL)}"
            )
    if subject.thing is not None and subject.thing not in THINGS:
        raise ValueError(f"got the thing {subject.thing!r}, wanted one of {', '.join(THINGS)}")
    if scene not in (*SCENES, "studio"):
        raise ValueError(f"got the scene {scene!r}, wanted one of {', '.join((*SCENES, 'studio'))}")
    if style not in STYLES:
        raise ValueError(f"got the style {style!r}, wanted one of {', '.join(STYLES)}")
    if len(subject.people) + (subject.thing is not None) > 2:
        raise ValueError(
            f"got {len(subject.people)} people and {'a' if subject.thing else 'no'} thing, "
            "wanted at most two figures in a picture"
        )


def _stable_hash(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big")
