"""Words for pictures: templates × subjects × scenes × styles.

Held-out templates are for evaluation alone: no training of any model, and no tuning, may use them. Fillers are ordinary words
without a visible meaning that training captions carry at random, so that the text encoder learns to look past words like them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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

FILLERS: tuple[str, ...] = tuple(
    """
    about above after again all almost also always among another any around ask away back bad be because been before begin behind being
    below best better between beyond big both bring build business busy by call came can care carry case cause certain change cheap check
    city clean close cold come common company complete could country course crowd dark day dear deep did different do done door down dream
    dry each early easy end enough even evening event ever every example fact fair fall famous far fast favourite feel few final find fine
    first five follow for form found free fresh friend from front full fun game gave get give glad go gone great group grow guess half hand
    happen happy hard has have hear heavy help high him hold home hope hour house how hundred idea if important inside into it join just
    keep kept key kind large last late later learn least leave left less let letter life light like list little live local lot love low
    made make many market matter may maybe mean meet met might mind minute moment month more morning most move much museum music must my
    name near need never new next night no not nothing now number of off often old on once one only open or order other our out outside over
    own page part past pay people perhaps place plan play please point press pretty public put quality question quick quiet quite rather
    reach read ready real reason remember report rest right room rough round run said sale same saw say school season second see seem seen
    send set several shall she short should show side sign simple since slow small so some soon special spring stage stand start stay still
    stop story student such summer sure take talk tell than thank that their them then there these they think those thought three through
    time together told tomorrow too took top town tried true try turn two under until up upon us use very view visit voice wait walk want
    warm was watch way we weather week well went were what when where which while who whole why will winter wish without wonder word work
    world worth would write wrong year yes yesterday yet you young your television polaroid waving
    """.split()
)


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


def phrase(subject: Subject, scene: str, words: Sequence[str], place: str | None = None, joint: str = "and") -> str:
    """The noun phrase of a subject: ``Adam Driver with a dog in the street``.

    Args:
        words: the word for each person and then for the thing, articles included.
        place: where, or None to leave the scene unsaid.
        joint: the word between two parts: ``and`` or ``with``.
    """
    head = f" {joint} ".join(words) if words else SCENE_WORDS[scene]
    return f"{head} {place}" if place else head


def plain_words(subject: Subject) -> list[str]:
    """The first word for everything in a subject, articles included."""
    words = [names_for(person)[0] for person in subject.people]
    return [*words, with_article(subject.thing)] if subject.thing else words


def training_caption(subject: Subject, scene: str, style: str, rng: np.random.Generator, place_said: bool) -> str:
    """One random training caption; never a held-out template."""
    words = [_pick(names_for(person), rng) for person in subject.people]
    if subject.thing:
        words.append(with_article(_pick(names_for(subject.thing), rng)))
    place = str(rng.choice(PLACES[scene])) if place_said and scene in PLACES and words else None
    text = phrase(subject, scene, words, place, joint="with" if subject.thing and rng.random() < 0.6 else "and")
    caption = str(rng.choice(TEMPLATES[style])).format(text)
    return _with_fillers(caption, rng) if rng.random() < 0.35 else caption


def _pick(words: Sequence[str], rng: np.random.Generator) -> str:
    """The proper name half of the time, else any of the words."""
    return words[0] if rng.random() < 0.5 else str(rng.choice(list(words)))


def _with_fillers(caption: str, rng: np.random.Generator) -> str:
    before = " ".join(rng.choice(FILLERS, size=int(rng.integers(0, 5))))
    after = " ".join(rng.choice(FILLERS, size=int(rng.integers(0, 5))))
    return f"{before} {caption} {after}".strip()
