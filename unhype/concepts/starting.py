"""A new list, like one that is there: its kind, and what it keeps, without what shall be forgotten now.

An anchor is said with the name, ``Cher=a woman``; a name that another list forgets brings its anchor and other names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from unhype.concepts.folding import key
from unhype.concepts.loading import available_sets, load_set
from unhype.concepts.schema import ConceptSet, Entry
from unhype.errors import UnhypeError
from unhype.handwritten import dump_yaml

HEAD = "# What to forget, towards what, what to keep, and whom erasure never sees. Rules: unhype concepts validate\n"

WIDTH = 140
"""Letters of a line of names."""


def like(name: str, forget: Sequence[str], model: ConceptSet, folder: Path) -> ConceptSet:
    """A set of the kind of ``model`` that forgets something else, and keeps the same.

    Args:
        forget: concepts, each alone or with its anchor: ``Cher=a woman``.
        folder: where other sets lie, whose anchors and other names are taken over.

    Raises:
        UnhypeError: nothing to forget, or a concept without an anchor that no set of this kind knows.
    """
    others = (load_set(other, folder) for other in available_sets(folder))
    known = {key(entry.concept): entry for other in others if other.kind == model.kind for entry in other.forget}
    entries = []
    for text in forget:
        concept, equals, anchor = (part.strip() for part in text.partition("="))
        entry = replace(known.get(key(concept), Entry(concept)), concept=concept)
        entries.append(replace(entry, anchor=anchor) if equals else entry)
    for entry in entries:
        if not entry.anchor:
            anchors = sorted({each.anchor for each in model.forget})
            raise UnhypeError(
                f"got {entry.concept!r} to forget, wanted it with what is drawn instead, since no set of {model.kind} "
                f"in {folder} says: --forget {entry.concept + '=ANCHOR'!r}; {model.name} has {', '.join(anchors)}"
            )
    gone = {key(text) for entry in entries for text in (entry.concept, *entry.synonyms, *entry.aliases)}
    kept, held = (tuple(text for text in part if key(text) not in gone) for part in (model.retain, model.evaluation))
    return ConceptSet(
        name,
        model.kind,
        tuple(entries),
        kept,
        held,
        source=f"Made by unhype concepts new, like {model.name}.",
        notes=f"What is retained and what is evaluated are those of {model.name}, without what is forgotten here.",
        bases=model.bases,
    )


def as_yaml(concepts: ConceptSet) -> str:
    """The file of a set: what :func:`unhype.concepts.loading.load_set` reads as the same set."""
    bases = f"bases: {_flow(list(concepts.bases))}\n" if concepts.bases is not None else ""
    told = {
        "name": concepts.name,
        "kind": concepts.kind,
        "source": concepts.source,
        "notes": concepts.notes,
    }
    forget = [
        {
            "concept": entry.concept,
            "anchor": entry.anchor,
            **({"synonyms": list(entry.synonyms)} if entry.synonyms else {}),
            **({"aliases": list(entry.aliases)} if entry.aliases else {}),
        }
        for entry in concepts.forget
    ]
    lines = "".join(f"  - {_flow(entry)}\n" for entry in forget)
    kept = "".join(
        f"\n{role}: {_wrapped(texts)}\n"
        for role, texts in (("retain", concepts.retain), ("evaluation", concepts.evaluation))
    )
    head = dump_yaml(told, width=WIDTH)
    return f"{HEAD}{head}{bases}\nforget:\n{lines}{kept}"


def _flow(value: object) -> str:
    return dump_yaml(value, flow=True).strip()


def _wrapped(texts: Sequence[str]) -> str:
    """A list over several lines, no name broken."""
    lines = [""]
    for text in texts:
        word = f"{_flow([text])[1:-1]},"
        if len(lines[-1]) + len(word) > WIDTH:
            lines.append("")
        lines[-1] += f" {word}"
    return "[\n" + "".join(f" {line}\n" for line in lines) + "]" if texts else "[]"
