"""A concept set: what to forget and towards what, what to keep, and who is kept unseen for the evaluation.

Synonyms and aliases of a forgotten concept are texts for evaluation only (does forgetting generalise?). The
``evaluation`` names are the others that erasure never sees, neither in training nor in tuning.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from unhype.concepts.folding import tidy
from unhype.concepts.kinds import KINDS, Kind

if TYPE_CHECKING:
    import pandas as pd

Role = Literal["forget", "synonym", "alias", "anchor", "retain", "evaluation"]
ROLES: tuple[str, ...] = get_args(Role)

COLUMNS = ("concept", "text", "role", "anchor", "position")


@dataclass(frozen=True, order=True)
class Entry:
    """One concept to forget.

    Attributes:
        concept: its name, as prompts say it.
        anchor: what is drawn instead; empty is allowed here and refused by the suite.
        synonyms: other words for it.
        aliases: other names for it.
    """

    concept: str
    anchor: str = ""
    synonyms: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    def canonical(self) -> Entry:
        """The same entry with tidy texts and sorted lists."""
        return Entry(tidy(self.concept), tidy(self.anchor), _canonical(self.synonyms), _canonical(self.aliases))


@dataclass(frozen=True)
class ConceptSet:
    """A named list of concepts to forget, with everything needed to train and to judge.

    Attributes:
        name: the name of its file, without ``.yaml``.
        kind: the word for what sort of concepts these are; what it decides is :attr:`sort`.
        forget: the concepts to forget, in the order of the file.
        retain: texts that training keeps as they are.
        evaluation: texts that training and tuning never see.
        source: where the list comes from.
        notes: what a reader should know.
        extends: names of the sets that this one was merged from.
        bases: on which bases ``dvc repro`` makes a guard of it; None where the file does not say.
    """

    name: str
    kind: str
    forget: tuple[Entry, ...] = ()
    retain: tuple[str, ...] = ()
    evaluation: tuple[str, ...] = ()
    source: str = ""
    notes: str = ""
    extends: tuple[str, ...] = ()
    bases: tuple[str, ...] | None = None

    @property
    def sort(self) -> Kind:
        """What its kind decides."""
        return KINDS[self.kind]

    def canonical(self) -> ConceptSet:
        """The same set in sorted order with tidy texts; equal :meth:`content_hash` means equal canonical entries."""
        forget = tuple(sorted({entry.canonical() for entry in self.forget}))
        return replace(self, forget=forget, retain=_canonical(self.retain), evaluation=_canonical(self.evaluation))

    def content_hash(self) -> str:
        """SHA-256 of what the set asks for: kind and entries.

        Order, layout, comments, name, source, notes and bases do not count.
        """
        canonical = self.canonical()
        content = {
            "kind": canonical.kind,
            "forget": [asdict(entry) for entry in canonical.forget],
            "retain": canonical.retain,
            "evaluation": canonical.evaluation,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def counts(self) -> dict[str, int]:
        """Role → how many texts have it; an anchor counts once for each concept it stands in for."""
        return {
            "forget": len(self.forget),
            "synonym": sum(len(entry.synonyms) for entry in self.forget),
            "alias": sum(len(entry.aliases) for entry in self.forget),
            "anchor": sum(bool(entry.anchor) for entry in self.forget),
            "retain": len(self.retain),
            "evaluation": len(self.evaluation),
        }

    def to_frame(self) -> pd.DataFrame:
        """One row for each text, columns :data:`COLUMNS`.

        ``position`` counts from 0 within forget, retain and evaluation, in the order of the file.
        """
        import pandas as pd

        rows: list[tuple[str, str, str, str, int]] = []
        for i, entry in enumerate(self.forget):
            texts = [
                ("forget", entry.concept),
                *(("synonym", text) for text in entry.synonyms),
                *(("alias", text) for text in entry.aliases),
            ]
            texts += [("anchor", entry.anchor)] if entry.anchor else []
            rows += [(entry.concept, text, role, entry.anchor, i) for role, text in texts]
        for role, others in (("retain", self.retain), ("evaluation", self.evaluation)):
            rows += [(text, text, role, "", i) for i, text in enumerate(others)]
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"position": "int64"})


def _canonical(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({tidy(text) for text in texts}))
