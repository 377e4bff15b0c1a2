"""Frames for captions: fixed templates, and a training grammar of many thousand more.

A frame is a sentence with one ``{}`` for the subject. A text encoder that is trained on forty fixed templates alone
learns their words by heart, and fails on a name in a new sentence. So most training captions come from a grammar. Each
of its places holds a word of its class or, now and then, any ordinary word or a made-up one. The grammar never produces
a development or held-out template.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from itertools import chain
from typing import Any

import numpy as np

from unhype.handwritten import TextLoader, parse_yaml
from unhype.miniature.people import codes
from unhype.prompts.templates import DEVELOPMENT, HELD_OUT, TRAINING


def _read(name: str) -> Any:
    # Text alone: to YAML's usual loaders, "on" and "no" are truth values.
    text = resources.files("unhype.miniature").joinpath(name).read_text(encoding="utf-8")
    return parse_yaml(text, name, TextLoader)


FILLERS: tuple[str, ...] = tuple(
    resources.files("unhype.miniature").joinpath("fillers.txt").read_text(encoding="utf-8").split()
)
"""Ordinary words without a visible meaning."""

FIXED_TEMPLATE_SHARE = 0.3
"""Share of training captions that use a fixed template."""


def random_frame(style: str, rng: np.random.Generator) -> str:
    """A training frame with one ``{}``: a fixed template or one of the grammar's, often among filler words."""
    while True:
        frame = str(rng.choice(TRAINING[style])) if rng.random() < FIXED_TEMPLATE_SHARE else _sentence(style, rng)
        if rng.random() < 0.35:
            frame = f"{_fillers(rng)} {frame} {_fillers(rng)}".strip()
        if not any(template in frame for template in _reserved()):
            return frame


def _sentence(style: str, rng: np.random.Generator) -> str:
    carried = style != "photo" or rng.random() < 0.55
    if carried:
        frame = _carrier(style, rng)
    elif rng.random() < 0.55:
        frame = "{}"
    elif rng.random() < 0.5:
        frame = f"{_word('openings', rng)} {{}}"
    else:
        frame = f"{_word('pronouns', rng)} {_word('verbs', rng)} {{}}"
    if carried and rng.random() < 0.15:
        frame = f"{_word('openings', rng)} {frame}"
    return f"{frame} {_tail(rng)}" if rng.random() < (0.3 if carried else 0.7) else frame


def _carrier(style: str, rng: np.random.Generator) -> str:
    """``a faded print showing {}``, or the subject first: ``{} standing in a quick sketch``."""
    medium = _noun_phrase(str(rng.choice(_words()["mediums"][style])), rng)
    if style != "photo" and rng.random() < 0.35:
        between = [_word("participles", rng)] if rng.random() < 0.6 else []
        return " ".join(["{}", *between, str(rng.choice(["in", "as", "on", "for", "by", "like", "from"])), medium])
    frame = f"{medium} {_word('joints', rng)} {{}}"
    return (
        f"{_noun_phrase(_word('nouns', rng), rng)} {_word('prepositions', rng)} {frame}"
        if rng.random() < 0.12
        else frame
    )


def _tail(rng: np.random.Generator) -> str:
    """``reading near the old window``, ``from a friend``, ``once again``."""
    if rng.random() < 0.3:
        return _word("adverbs", rng)
    parts = [_word("participles", rng)] if rng.random() < 0.6 else []
    if not parts or rng.random() < 0.8:
        parts += [_word("prepositions", rng), _noun_phrase(_word("nouns", rng), rng)]
    return " ".join(parts)


def _noun_phrase(noun: str, rng: np.random.Generator) -> str:
    parts = [_word("adjectives", rng) for _ in range(int(rng.choice(4, p=(0.4, 0.38, 0.16, 0.06))))] + [noun]
    if rng.random() < 0.85:
        determiner = _word("determiners", rng)
        parts.insert(0, "an" if determiner == "a" and parts[0][0] in "aeiou" else determiner)
    return " ".join(parts)


def _word(kind: str, rng: np.random.Generator) -> str:
    """A word of its class; now and then any ordinary word, or one that does not exist."""
    chance = rng.random()
    if chance < 0.78:
        return str(rng.choice(_words()[kind]))
    return str(rng.choice(FILLERS)) if chance < 0.88 else _made_up(rng)


def _made_up(rng: np.random.Generator) -> str:
    """A pronounceable word that means nothing: ``brolimet``.

    Most contain a first or last name or a piece of one, as "capturing" contains Turing.
    """
    syllables = "".join(
        str(rng.choice(_words()["onsets"])) + str(rng.choice(_words()["vowels"]))
        for _ in range(int(rng.integers(1, 4)))
    )
    if rng.random() < 0.35:
        return syllables + (str(rng.choice(_words()["codas"])) if rng.random() < 0.7 else "")
    name = str(rng.choice(_name_words()))
    length = len(name) if rng.random() < 0.6 else int(rng.integers(2, len(name) + 1))
    rest = syllables[: int(rng.integers(2, 6))]
    return rest + name[-length:] if rng.random() < 0.6 else name[:length] + rest


def _fillers(rng: np.random.Generator) -> str:
    return " ".join(random_fillers(int(rng.integers(0, 5)), rng))


def random_fillers(count: int, rng: np.random.Generator) -> list[str]:
    """So many words without a visible meaning, some of them made up."""
    return [_made_up(rng) if rng.random() < 0.3 else str(rng.choice(FILLERS)) for _ in range(count)]


@cache
def _words() -> dict[str, Any]:
    words: dict[str, Any] = _read("grammar.yaml")
    return words


@cache
def _name_words() -> tuple[str, ...]:
    """First and last names, in lower case."""
    words = {word.lower() for name in codes() for word in name.split()}
    return tuple(sorted(word for word in words if word.isalpha() and len(word) > 2))


@cache
def _reserved() -> tuple[str, ...]:
    return tuple(chain.from_iterable([*DEVELOPMENT.values(), *HELD_OUT.values()]))
