"""The last accepted form of each list: what an edit is compared with, and what every later stage depends on.

    data/concepts/<set>.yaml      what people write, and what it extends
    data/accepted/<set>.json      the merged set, in the order of the file, without comments, source and notes

Somebody may rely on what a list forgets. So a list that forgets no longer what it did is refused, until a person says
that this is meant. Git keeps the accepted lists: a reviewer sees a removal twice.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from unhype.concepts.diff import SetDiff, diff_sets
from unhype.concepts.folding import key
from unhype.concepts.schema import ConceptSet, Entry
from unhype.errors import UnhypeError
from unhype.files import describe, write_text

FOLDER = "accepted"
"""Beside the folder of concept sets."""

ALLOW = "--allow-removal"


def accepted_path(name: str, concepts: Path) -> Path:
    """Where the accepted form of a set lies; ``concepts`` is the folder of sets."""
    return concepts.parent / FOLDER / f"{name}.json"


def read_accepted(path: Path) -> ConceptSet | None:
    """A set as it was accepted; None if it never was.

    Raises:
        UnhypeError: the file is not what :func:`accept` writes.
    """
    if not path.exists():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        forget = tuple(
            Entry(each["concept"], each["anchor"], tuple(each["synonyms"]), tuple(each["aliases"]))
            for each in told["forget"]
        )
        return ConceptSet(told["name"], told["kind"], forget, tuple(told["retain"]), tuple(told["evaluation"]))
    except OSError as error:
        raise UnhypeError(describe(error, path)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UnhypeError(
            f"got {path}, which does not hold an accepted list ({error!r}): take it from git again (git checkout)"
        ) from error


def removed(old: ConceptSet, new: ConceptSet) -> tuple[str, ...]:
    """Concepts that ``old`` forgets and ``new`` does not, in their order; all of them where the kind is another.

    Another spelling of the same name (``Bjork``, ``Björk``) is no removal.
    """
    kept = {key(entry.concept) for entry in new.forget} if old.kind == new.kind else set()
    return tuple(entry.concept for entry in old.forget if key(entry.concept) not in kept)


def accept(concepts: ConceptSet, path: Path, allow_removal: bool = False) -> SetDiff | None:
    """Write the accepted form of a valid set; returns what changed, or None for a set that is new.

    Args:
        path: see :func:`accepted_path`.
        allow_removal: take a set that forgets less than the accepted one.

    Raises:
        UnhypeError: it forgets less, and nobody said that this is meant; the accepted form stays as it was.
    """
    old = read_accepted(path)
    gone = removed(old, concepts) if old and not allow_removal else ()
    if gone:
        shown = ", ".join(gone[:3]) + (f" and {len(gone) - 3} more" if len(gone) > 3 else "")
        raise UnhypeError(
            f"got the set {concepts.name} without {shown}, which {path} forgets; somebody may rely on "
            f"that: put it back, or say that it is meant: unhype concepts accept {concepts.name} {ALLOW}"
        )
    written = {
        "name": concepts.name,
        "kind": concepts.kind,
        "content": concepts.content_hash(),
        "forget": [asdict(entry) for entry in concepts.forget],
        "retain": concepts.retain,
        "evaluation": concepts.evaluation,
    }
    write_text(path, json.dumps(written, indent=1, ensure_ascii=False) + "\n")
    return diff_sets(old, concepts) if old else None
