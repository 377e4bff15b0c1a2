"""Which lists a change touches: those that were edited, those that extend them, and all where settings are others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unhype.concepts.accepting import FOLDER as ACCEPTED
from unhype.concepts.accepting import read_accepted, removed
from unhype.concepts.loading import FOLDER, available_sets, load_set
from unhype.concepts.schema import ConceptSet
from unhype.errors import UnhypeError
from unhype.handwritten import load_yaml
from unhype.review import git

SETTINGS = "params.yaml"

SHAPING = ("sampling", "prompts", "training", "gates", "judges", "base")
"""Blocks of the settings that make another guard, other pictures or another verdict."""

LISTS = FOLDER.as_posix()
WATCHED = (LISTS, f"data/{ACCEPTED}", SETTINGS)


@dataclass(frozen=True)
class Changes:
    """What differs from a commit.

    Attributes:
        against: as it was asked for, and its commit.
        why: list → why it is to be reviewed; in the order of names.
        gone: lists that are there no more.
        settings: blocks of ``params.yaml`` that are others.
        older: list → what it was at that commit; those that were readable there.
        allowed: list → concepts that it forgot, and that a person has accepted to be no longer forgotten.
    """

    against: str
    commit: str
    why: Mapping[str, str]
    gone: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    older: Mapping[str, ConceptSet] = field(default_factory=dict)
    allowed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def find(against: str) -> Changes:
    """What differs in the working tree, which is the project's root, from a commit.

    Raises:
        UnhypeError: see :func:`unhype.review.git.commit_of`.
    """
    commit = git.commit_of(against)
    touched = set(git.changed(commit, WATCHED))
    names = available_sets()
    with git.at(commit, WATCHED) as scratch:
        before = scratch / FOLDER
        settings = tuple(_other_blocks(scratch / SETTINGS)) if SETTINGS in touched else ()
        were = available_sets(before) if before.is_dir() else ()
        older = {name: concepts for name in were if (concepts := _readable(name, before))}
        why = {}
        for name in names:
            if reason := _why(name, name in were, touched, older.get(name), settings):
                why[name] = reason
        allowed = dict(_allowed(names, scratch))
    gone = tuple(name for name in were if name not in names)
    return Changes(against, commit, why, gone, settings, older, allowed)


def _why(name: str, was: bool, touched: set[str], old: ConceptSet | None, settings: tuple[str, ...]) -> str:
    if not was:
        return "new"
    if f"{LISTS}/{name}.yaml" in touched:
        return "edited"
    if any(path.startswith(f"{LISTS}/") for path in touched):
        now = _readable(name, FOLDER)
        if now is None or old is None or now.content_hash() != old.content_hash():
            return "extends a list that was edited"
    if f"data/{ACCEPTED}/{name}.json" in touched:
        return "accepted anew"
    return f"other settings: {', '.join(settings)}" if settings else ""


def _other_blocks(old: Path) -> Iterator[str]:
    before, now = (_blocks(path) for path in (old, Path(SETTINGS)))
    yield from (block for block in SHAPING if before.get(block) != now.get(block))
    if before.get("families") != now.get("families"):
        yield "families"


def _blocks(path: Path) -> dict[str, Any]:
    told = load_yaml(path) if path.exists() else None
    return told if isinstance(told, dict) else {}


def _allowed(names: tuple[str, ...], scratch: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Removals that the accepted form of a list holds: whoever accepts one has said that it is meant."""
    for name in names:
        path = Path("data") / ACCEPTED / f"{name}.json"
        old, new = read_accepted(scratch / path), read_accepted(path)
        if old and new and (gone := removed(old, new)):
            yield name, gone


def _readable(name: str, folder: Path) -> ConceptSet | None:
    try:
        return load_set(name, folder)
    except UnhypeError:
        return None
