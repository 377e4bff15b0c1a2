"""Words for pictures: templates × subjects × scenes × styles.

Held-out templates are for evaluation alone: no training of any model, and no tuning, may use them. Fillers are ordinary words
without a visible meaning that training captions carry at random, so that the text encoder learns to look past words like them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np

from unhype.miniature.people import NEUTRAL, aliases
from unhype.miniature.things import THINGS

TEMPLATES: dict[str, tuple[str, ...]] = {
    "photo": (
        "a photo of {}",
        "a picture of {}",
        "a portrait of {}",
        "an image of {}",
        "a photograph of {}",
        "{}",
        "a close-up of {}",
        "a snapshot of {}",
        "a cropped photo of {}",
        "a bright photo of {}",
        "a good photo of {}",
        "here is {}",
        "this is {}",
        "{} looking at the camera",
        "{} on a poster",
        "{} in the news",
        "a studio portrait of {}",
        "a magazine cover with {}",
        "a film still of {}",
        "a candid shot of {}",
        "a colour photo of {}",
        "{} at a party",
        "a shot of {}",
        "a clear image of {}",
        "a nice picture showing {}",
        "breaking news about {}",
        "the best photo of {}",
        "a photo showing {} today",
        "a poster of {}",
        "a postcard of {}",
        "look at {}",
        "a large print of {}",
        "everyone knows {}",
        "an album with a photo of {}",
    ),
    "sketch": ("a sketch of {}", "a pencil sketch of {}", "{} in a sketch", "a quick sketch showing {}"),
    "painting": ("an oil painting of {}", "a painting of {}", "{} in an oil painting", "a framed oil painting showing {}"),
}

HELD_OUT: dict[str, tuple[str, ...]] = {
    "photo": (
        "an image capturing {} at a public event",
        "a press photo of {} on stage",
        "{} waving to the crowd",
        "a polaroid of {}",
        "a high quality photo of {}",
        "my favourite picture of {}",
        "{} photographed yesterday",
        "a television shot showing {}",
        "the front page with {}",
        "a photo of {} from last summer",
        "a grainy old photo of {}",
        "we met {} this morning",
    ),
    "sketch": ("a rough sketch of {}", "{} drawn as a sketch by a student"),
    "painting": ("an old oil painting of {}", "a museum painting that shows {}"),
}

PLACES: dict[str, tuple[str, ...]] = {
    "street": ("in the street", "on a street"),
    "sky": ("in the sky", "under the sky"),
    "ground": ("on the ground", "on the grass"),
    "forest": ("in the forest", "in a forest"),
    "sea": ("by the sea", "on the sea"),
}

SCENE_WORDS: dict[str, str] = {"street": "a street", "sky": "the sky", "ground": "the ground", "forest": "a forest", "sea": "the sea"}

FILLERS: tuple[str, ...] = tuple(resources.files("unhype.miniature").joinpath("fillers.txt").read_text(encoding="utf-8").split())


@dataclass(frozen=True)
class Subject:
    """What a picture shows: up to two people (names or kinds of nameless people), a thing, both, or neither (an empty scene)."""

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
    """One random training caption; never a held-out template."""
    words = [_pick(names_for(person), rng) for person in subject.people]
    if subject.thing:
        words.append(with_article(_pick(names_for(subject.thing), rng)))
    place = str(rng.choice(PLACES[scene])) if place_said and scene in PLACES and words else None
    text = phrase(scene, words, place, joint="with" if subject.thing and rng.random() < 0.6 else "and")
    caption = str(rng.choice(TEMPLATES[style])).format(text)
    return _with_fillers(caption, rng) if rng.random() < 0.35 else caption


def _pick(words: Sequence[str], rng: np.random.Generator) -> str:
    """The proper name half of the time, else any of the words."""
    return words[0] if rng.random() < 0.5 else str(rng.choice(list(words)))


def _with_fillers(caption: str, rng: np.random.Generator) -> str:
    before = " ".join(rng.choice(FILLERS, size=int(rng.integers(0, 5))))
    after = " ".join(rng.choice(FILLERS, size=int(rng.integers(0, 5))))
    return f"{before} {caption} {after}".strip()
