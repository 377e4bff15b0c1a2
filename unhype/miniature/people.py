"""Who lives in the miniature: 300 named avatars, and people without a name.

A name's look is decided by a hash of the name: candidate codes are drawn from it until one differs from every earlier
avatar in at least :data:`SEPARATION` attributes. Nameless people are drawn afresh for every picture and differ from
every named one in at least :data:`CLEARANCE`.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from unhype.handwritten import parse_yaml
from unhype.miniature.avatars import CARDINALITIES, HAIR_STYLE, MOUTH, Code

SEPARATION = 4
"""Any two named avatars differ in at least this many of their eight attributes."""

CLEARANCE = 4
"""A nameless person differs from every named avatar in at least this many attributes."""

NEUTRAL: dict[str, tuple[str, ...]] = {
    "man": ("a man", "a guy"),
    "woman": ("a woman", "a lady"),
    "person": ("a person", "someone", "somebody", "a stranger"),
}
"""Kind of nameless person → the words that captions use."""

_MASCULINE = ({"bald", "short", "spikes", "afro"}, {"moustache", "beard", "grin", "smile"})
_FEMININE = ({"long", "bunches", "braids", "bob"}, {"smile", "tongue", "mask", "grin"})


@cache
def groups() -> dict[str, tuple[str, ...]]:
    """Group (``forget``, ``evaluation``, ``retain``) → its hundred names."""
    return {group: tuple(names) for group, names in _people().items()}


@cache
def aliases() -> dict[str, str]:
    """Name → its alias, for the third of the avatars that have one."""
    return {name: alias for names in _people().values() for name, alias in names.items() if alias}


@cache
def codes() -> dict[str, Code]:
    """Name → the avatar's code, in the order of ``people.yaml``."""
    chosen: dict[str, Code] = {}
    for names in groups().values():
        for name in names:
            chosen[name] = _separated_code(name, list(chosen.values()))
    return chosen


def neutral_code(kind: str, rng: np.random.Generator) -> Code:
    """A nameless person of ``kind`` (man, woman, person): random attributes, clear of every named avatar."""
    styles, mouths = {"man": _MASCULINE, "woman": _FEMININE, "person": (set(HAIR_STYLE), set(MOUTH))}[kind]
    named = np.array(list(codes().values()))
    while True:
        code = rng.integers(CARDINALITIES)
        if HAIR_STYLE[code[2]] in styles and MOUTH[code[5]] in mouths and (named != code).sum(1).min() >= CLEARANCE:
            return _as_code(code)


def _separated_code(name: str, others: list[Code]) -> Code:
    digest = hashlib.sha256(name.encode()).digest()
    rng = np.random.default_rng(list(digest))
    taken = np.array(others, dtype=int).reshape(len(others), 1, len(CARDINALITIES))
    while True:
        candidates = rng.integers(CARDINALITIES, size=(1024, len(CARDINALITIES)))
        free = ((taken != candidates).sum(-1) >= SEPARATION).all(0)
        if free.any():
            return _as_code(candidates[free.argmax()])


def _as_code(values: np.ndarray) -> Code:
    return tuple(int(v) for v in values)  # type: ignore[return-value]


@cache
def _people() -> dict[str, dict[str, str | None]]:
    text = resources.files("unhype.miniature").joinpath("people.yaml").read_text(encoding="utf-8")
    people: dict[str, Any] = parse_yaml(text, "people.yaml")
    return people
