"""Words for pictures: what a picture shows, as a noun phrase, put into a frame of :mod:`unhype.miniature.frames`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unhype.miniature.frames import random_frame
from unhype.miniature.people import NEUTRAL, aliases
from unhype.miniature.things import THINGS

PLACES: dict[str, tuple[str, ...]] = {
    "street": ("in the street", "on a street"),
    "sky": ("in the sky", "under the sky"),
    "ground": ("on the ground", "on the grass"),
    "forest": ("in the forest", "in a forest"),
    "sea": ("by the sea", "on the sea"),
}

SCENE_WORDS: dict[str, str] = {
    "street": "a street",
    "sky": "the sky",
    "ground": "the ground",
    "forest": "a forest",
    "sea": "the sea",
}


@dataclass(frozen=True)
class Subject:
    """What a picture shows: up to two people (by name, or a kind of nameless person), a thing, both, or neither.

    With neither, the picture is an empty scene.
    """

    people: tuple[str, ...] = ()
    thing: str | None = None


def names_for(concept: str) -> tuple[str, ...]:
    """All the words for a person or thing: its name first, then aliases or synonyms."""
    if concept in THINGS:
        return (concept, *THINGS[concept])
    if concept in NEUTRAL:
        return NEUTRAL[concept]
    return (concept, aliases()[concept]) if concept in aliases() else (concept,)


def with_article(noun: str) -> str:
    """``an airplane``, ``a dog``."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def phrase(scene: str, words: Sequence[str], place: str | None = None, joint: str = "and") -> str:
    """A noun phrase: ``Adam Driver with a dog in the street``.

    Args:
        scene: what an empty picture shows.
        words: the word for each person and then for the thing, articles included.
        place: where, or None to leave the scene unsaid.
        joint: the word between two parts: ``and`` or ``with``.
    """
    head = f" {joint} ".join(words) if words else SCENE_WORDS[scene]
    return f"{head} {place}" if place else head


def training_caption(subject: Subject, scene: str, style: str, rng: np.random.Generator, place_said: bool) -> str:
    """One random training caption; never of a development or held-out template."""
    words = [_pick(names_for(person), rng) for person in subject.people]
    if subject.thing:
        words.append(with_article(_pick(names_for(subject.thing), rng)))
    place = str(rng.choice(PLACES[scene])) if place_said and scene in PLACES and words else None
    text = phrase(scene, words, place, joint="with" if rng.random() < (0.6 if subject.thing else 0.1) else "and")
    return random_frame(style, rng).format(text)


def _pick(words: Sequence[str], rng: np.random.Generator) -> str:
    """The proper name half of the time, else any of the words."""
    return words[0] if rng.random() < 0.5 else str(rng.choice(list(words)))
