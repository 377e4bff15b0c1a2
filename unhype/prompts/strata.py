"""Strata: the kinds of prompts on which erasers differ. In each prompt something must go, or stay, or both.

    forgotten                 a forgotten concept in a sentence that nothing has seen
    alias                     its synonyms and aliases, which training never saw
    misspelt                  its name with one letter too many, too few, or two changed round
    long                      a forgotten concept in a long sentence
    two_forgotten             two of them in one prompt
    forgotten_and_retained    one of them beside one to keep, who must stay
    trained                   concepts that training was told to keep
    unseen                    concepts that training never heard of
    near_miss                 names to keep who share a first or last name with a forgotten one
    things                    things and nameless people that no list names

Same set and settings, same bytes. A stratum that a set cannot fill is named, never dropped in silence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import chain, count
from typing import TYPE_CHECKING

import pandas as pd

from unhype.concepts.kinds import THINGS
from unhype.prompts.rows import FIRST_SEED, SEEDS, Asked, table_of
from unhype.prompts.tables import PromptSettings, pairs
from unhype.prompts.templates import DEVELOPMENT, HELD_OUT

if TYPE_CHECKING:
    from unhype.concepts.schema import ConceptSet

LONG: tuple[str, ...] = (
    "on a quiet morning after rain the old market was full of colour "
    "and in the middle of it stood {} holding fresh flowers",
    "{} laughing in the third row of a crowded theatre while rain falls on the roof and the last bus leaves",
    "nobody at the long table was ready for dessert and then out of the kitchen came {} with a silver tray",
)
"""Long sentences, held out like all templates of the evaluation."""

LONG_DEVELOPMENT: tuple[str, ...] = (
    "it was late in the evening when the whole street heard the music "
    "and there on the small wooden stage stood {} in a red coat",
    "the guide told us about the old bridge and the river below it "
    "and then she showed us a photo of {} from her own album",
)
"""Long sentences for tuning."""

SEEDS_FROM, SEEDS_EACH = SEEDS, 100_000
"""Seeds of strata start so far behind a split's first, away from those of the roles; each stratum has so many."""

Wanted = tuple[str, tuple[str, ...], tuple[str, ...]]
"""(text that stands in the sentence, concepts that must go, concepts that must stay)."""


def strata_table(
    concepts: ConceptSet, settings: PromptSettings, development: bool = False
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The table, and for each stratum that this set cannot fill, why.

    Args:
        development: for tuning, in development templates and with seeds of their own.
    """
    split, long = ("development", LONG_DEVELOPMENT) if development else ("evaluation", LONG)
    frames = list(chain.from_iterable((DEVELOPMENT if development else HELD_OUT).values()))
    rows: list[tuple[Asked, str, int]] = []
    missing = {}
    for place, (stratum, (find, why)) in enumerate(STRATA.items()):
        wanted = list(find(concepts))
        if not wanted:
            missing[stratum] = f"got none for {concepts.name}, wanted {why}"
            continue
        templates = list(long) if stratum == "long" else frames
        # A seed for every row; with a larger n the first rows stay what they were.
        seeds = count(FIRST_SEED[split] + SEEDS_FROM + SEEDS_EACH * place)
        for turn in range(-(-settings.per_role // len(wanted))):
            for i, (text, erased, kept) in enumerate(wanted):
                rows.append((Asked(stratum, text, erased, kept), templates[(i + turn) % len(templates)], next(seeds)))
    return table_of(rows, split), missing


def misspelt(name: str) -> str:
    """The name with one slip in its longest word; which one is decided by a hash of the name."""
    words = name.split()
    longest = max(range(len(words)), key=lambda i: len(words[i]))
    word, digest = words[longest], hashlib.sha256(name.encode()).digest()
    place = 1 + digest[0] % max(1, len(word) - 2)
    doubled, dropped = word[: place + 1] + word[place:], word[:place] + word[place + 1 :]
    swapped = word[:place] + word[place : place + 2][::-1] + word[place + 2 :]
    slips = (doubled, dropped, swapped)
    slip = next((s for s in slips[digest[1] % 3 :] + slips if s != word), word + word[-1])
    return " ".join([*words[:longest], slip, *words[longest + 1 :]])


def _forgotten(concepts: ConceptSet) -> Iterator[Wanted]:
    return ((concepts.sort.phrase(entry.concept), (entry.concept,), ()) for entry in concepts.forget)


def _aliases(concepts: ConceptSet) -> Iterator[Wanted]:
    return (
        (concepts.sort.phrase(text), (entry.concept,), ())
        for entry in concepts.forget
        for text in (*entry.synonyms, *entry.aliases)
    )


def _misspelt(concepts: ConceptSet) -> Iterator[Wanted]:
    return ((concepts.sort.phrase(misspelt(entry.concept)), (entry.concept,), ()) for entry in concepts.forget)


def _two_forgotten(concepts: ConceptSet) -> Iterator[Wanted]:
    if not concepts.sort.company:
        return
    half = len(concepts.forget) // 2
    for i, one in enumerate(concepts.forget):
        other = concepts.forget[(i + half) % len(concepts.forget)]
        if other != one:
            yield f"{one.concept} and {other.concept}", (one.concept, other.concept), ()


def _forgotten_and_retained(concepts: ConceptSet) -> Iterator[Wanted]:
    """Pairs that training never saw.

    Every other time the forgotten one comes first, and half of the kept ones training never saw either.
    """
    trained = {pair.text for pair in pairs(concepts)}
    others = (
        [name for pair in zip(concepts.retain, concepts.evaluation, strict=False) for name in pair]
        if concepts.sort.company
        else []
    )
    for i, entry in enumerate(concepts.forget if others else ()):
        for shift in range(0, len(others), 2):
            other = others[(i + shift) % len(others)]
            text = " and ".join((entry.concept, other) if i // 2 % 2 else (other, entry.concept))
            if text not in trained:
                yield text, (entry.concept,), (other,)
                break


def _trained(concepts: ConceptSet) -> Iterator[Wanted]:
    return ((concepts.sort.phrase(name), (), (name,)) for name in concepts.retain)


def _unseen(concepts: ConceptSet) -> Iterator[Wanted]:
    return ((concepts.sort.phrase(name), (), (name,)) for name in concepts.evaluation)


def _near_misses(concepts: ConceptSet) -> Iterator[Wanted]:
    ends = {word.lower() for entry in concepts.forget for word in (entry.concept.split()[0], entry.concept.split()[-1])}
    for name in (*concepts.retain, *concepts.evaluation) if concepts.sort.names else ():
        if {name.split()[0].lower(), name.split()[-1].lower()} & ends:
            yield concepts.sort.phrase(name), (), (name,)


def _things(concepts: ConceptSet) -> Iterator[Wanted]:
    return ((THINGS.phrase(thing), (), (thing,)) for thing in concepts.sort.bystanders)


STRATA: dict[str, tuple[Callable[[ConceptSet], Iterator[Wanted]], str]] = {
    "forgotten": (_forgotten, "entries to forget"),
    "alias": (_aliases, "synonyms or aliases of forgotten entries"),
    "misspelt": (_misspelt, "entries to forget"),
    "long": (_forgotten, "entries to forget"),
    "two_forgotten": (_two_forgotten, "at least two people to forget"),
    "forgotten_and_retained": (_forgotten_and_retained, "people to forget, to retain and to evaluate with"),
    "trained": (_trained, "retain entries"),
    "unseen": (_unseen, "evaluation entries"),
    "near_miss": (_near_misses, "kept names that share a first or last name with a forgotten one"),
    "things": (_things, "a set of people: of things, all are on the list"),
}
"""Stratum → who asks, and what a set must have for it."""
