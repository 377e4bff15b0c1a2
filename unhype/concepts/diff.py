"""What changed between two concept sets, role by role. Empty exactly when their content hashes are equal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from unhype.concepts.schema import ConceptSet, Entry


@dataclass(frozen=True)
class Change:
    """One entry that came, went or changed.

    Attributes:
        role: ``forget``, ``retain``, ``evaluation``, or ``kind`` for the set's own kind.
        concept: which entry.
        detail: in words: the anchor and other names, or what changed about them.
    """

    role: str
    concept: str
    detail: str = ""


@dataclass(frozen=True)
class SetDiff:
    """All changes from an old set to a new one, each in the order forget, retain, evaluation and then by name."""

    added: tuple[Change, ...] = ()
    removed: tuple[Change, ...] = ()
    changed: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def lines(self) -> tuple[str, ...]:
        """One line for each change: ``+ forget  Adam Driver → a man``."""
        marked = [
            (sign, change)
            for sign, changes in (("-", self.removed), ("+", self.added), ("~", self.changed))
            for change in changes
        ]
        width = max((len(change.role) for _, change in marked), default=0)
        return tuple(f"{sign} {change.role:{width}}  {change.concept}{change.detail}" for sign, change in marked)


def diff_sets(old: ConceptSet, new: ConceptSet) -> SetDiff:
    """What must be done to ``old`` to get ``new``; order, layout, name, source and notes do not count."""
    old, new = old.canonical(), new.canonical()
    gone, come = set(old.forget) - set(new.forget), set(new.forget) - set(old.forget)
    before, after = Counter(entry.concept for entry in gone), Counter(entry.concept for entry in come)
    # A concept is changed when one entry of it went and one came; listed more often, nobody can say which became which.
    pairs = {concept for concept in before if before[concept] == after[concept] == 1}
    olds, news = ({entry.concept: entry for entry in entries if entry.concept in pairs} for entries in (gone, come))
    kind = (Change("kind", f"{old.kind} → {new.kind}"),) if old.kind != new.kind else ()
    return SetDiff(
        added=_listed(come, pairs) + _texts(old, new),
        removed=_listed(gone, pairs) + _texts(new, old),
        changed=kind
        + tuple(Change("forget", concept, _altered(olds[concept], news[concept])) for concept in sorted(pairs)),
    )


def _listed(entries: set[Entry], pairs: set[str]) -> tuple[Change, ...]:
    return tuple(
        Change("forget", entry.concept, _described(entry)) for entry in sorted(entries) if entry.concept not in pairs
    )


def _texts(without: ConceptSet, within: ConceptSet) -> tuple[Change, ...]:
    retain = [Change("retain", text) for text in within.retain if text not in set(without.retain)]
    evaluation = [Change("evaluation", text) for text in within.evaluation if text not in set(without.evaluation)]
    return (*retain, *evaluation)


def _described(entry: Entry) -> str:
    others = [*entry.synonyms, *entry.aliases]
    return f" → {entry.anchor or 'no anchor'}" + (f" ({', '.join(others)})" if others else "")


def _altered(old: Entry, new: Entry) -> str:
    parts = [f"anchor {old.anchor or 'none'} → {new.anchor or 'none'}"] if old.anchor != new.anchor else []
    for what, before, after in (("synonyms", old.synonyms, new.synonyms), ("aliases", old.aliases, new.aliases)):
        marks = [f"-{text}" for text in before if text not in after] + [
            f"+{text}" for text in after if text not in before
        ]
        parts += [f"{what} {' '.join(marks)}"] if marks else []
    return ": " + "; ".join(parts)
