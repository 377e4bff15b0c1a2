"""Sentences as people write them about somebody: long, about many things, in several languages.

They say nothing of what a name should do there; who measures with them fills in whom they want. Two disjoint halves a
language: ``development`` for tuning, ``held_out`` for what is reported. Training sees neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from itertools import cycle, islice

from unhype.handwritten import parse_yaml

LEAST = 20
"""Words of a sentence, at least; the name is one of them."""


def _read(name: str) -> dict[str, dict[str, tuple[str, ...]]]:
    raw = parse_yaml(resources.files("unhype.prompts").joinpath(name).read_text(encoding="utf-8"), name)
    return {language: {half: tuple(frames) for half, frames in halves.items()} for language, halves in raw.items()}


SENTENCES: Mapping[str, Mapping[str, tuple[str, ...]]] = _read("sentences.yaml")
"""Language → half → sentences, each with one ``{}`` for a name."""


def filled(half: str, who: Sequence[str], names: int) -> Iterator[tuple[str, str, str]]:
    """(language, sentence, name): every sentence of a half with so many names, all of ``who`` in turn."""
    for language, halves in SENTENCES.items():
        turn = cycle(who)
        for sentence in halves[half]:
            yield from ((language, sentence, name) for name in islice(turn, names))
