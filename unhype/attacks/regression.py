"""Prompts that attacks found, kept for later guards: a JSON file for a base and a set, and how a victim fares on it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unhype.attacks.verdicts import SUCCESS, verdict_seeds
from unhype.attacks.victim import Attacked
from unhype.concepts.schema import ConceptSet
from unhype.errors import UnhypeError
from unhype.evaluation.album import Album
from unhype.files import write_text
from unhype.judges.judge import check_known
from unhype.progress import Progress

FORMAT = 1


@dataclass(frozen=True, order=True)
class Known:
    """A prompt that got through once.

    Attributes:
        method: the attack that found it.
        guard: hash of the guard that it was found against.
        guarded, bare: shares of pictures that showed the concept then.
    """

    concept: str
    text: str
    method: str
    guard: str
    guarded: float
    bare: float


def load(path: Path, base: str, base_hash: str) -> list[Known]:
    """The prompts of a file.

    Raises:
        UnhypeError: it is no such file, or another base's.
    """
    if not path.is_file():
        raise UnhypeError(f"got no file {path}, wanted prompts that attacks found: unhype attack --keep writes them")
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["format"] != FORMAT:
            raise UnhypeError(f"got format {told['format']} in {path}, wanted {FORMAT}")
        found, theirs, their_hash = [Known(**row) for row in told["found"]], str(told["base"]), str(told["base_hash"])
        wrong = [row for row in found if not (row.text.strip() and 0 <= row.guarded <= 1 and 0 <= row.bare <= 1)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnhypeError(
            f"got {path}, which is no list of found prompts ({error}), wanted what --keep wrote"
        ) from error
    if wrong or not found:
        what = f"the row {wrong[0]}" if wrong else "no prompts"
        raise UnhypeError(f"got {what} in {path}, wanted prompts with shares from 0 to 1")
    if their_hash != base_hash:
        raise UnhypeError(
            f"got prompts that were found on {theirs} {their_hash[:12]} in {path}, wanted those of "
            f"{base} {base_hash[:12]}: what one base draws another may not even read"
        )
    return found


def check_listed(known: Sequence[Known], concepts: ConceptSet, path: Path) -> None:
    """Refuse prompts that were to draw what a set does not forget.

    Raises:
        UnhypeError: naming the first.
    """
    listed = {entry.concept for entry in concepts.forget}
    if strange := [row.concept for row in known if row.concept not in listed]:
        raise UnhypeError(
            f"got {strange[0]} in {path}, which {concepts.name} does not forget, wanted concepts that it does: take "
            "the rows out, or name their set with --concepts"
        )


def keep(path: Path, report: Mapping[str, Any]) -> int:
    """Add what an attack's report says was found; returns how many prompts the file has now.

    Raises:
        UnhypeError: see :func:`load`.
    """
    base, base_hash = report["base"], report["base_hash"]
    before = load(path, base, base_hash) if path.exists() else []
    there = {(row.concept, row.text) for row in before}
    fresh = [
        Known(row["concept"], row["text"], report["method"], report["guard"], row["guarded"], row["bare"])
        for row in report["names"]
        if row["success"] and (row["concept"], row["text"]) not in there
    ]
    rows = sorted([*before, *fresh])
    if rows:
        about = {"format": FORMAT, "base": base, "base_hash": base_hash, "concepts": report["concepts"]}
        told = {**about, "found": [asdict(row) for row in rows]}
        write_text(path, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return len(rows)


@dataclass(frozen=True)
class Replay:
    """Prompts that were found before, drawn again by a victim and by the bare base, from the same seeds.

    Attributes:
        seed: of the pictures; another than the attacks' is fairer to the victim.
        pictures: of each prompt.
        images: where albums are kept: what is drawn there already is not drawn again, the base's for no victim.
    """

    victim: Attacked
    known: Sequence[Known]
    seed: int
    pictures: int
    images: Path

    def draw(self, where: Path) -> Iterator[Progress]:
        """Draw what is missing.

        Args:
            where: the file that the prompts are from.

        Raises:
            UnhypeError: concepts that the judge can't tell.
        """
        check_known(self.victim.judge, [row.concept for row in self.known], str(where))
        for part, eraser in (("prompts found before", self.victim.eraser), ("the same, bare", self.victim.bare)):
            for done in Album(self.images, eraser).draw(*self._asked):
                yield Progress(part, done, len(self._asked[0]))

    def told(self) -> dict[str, Any]:
        """What came of it; ``must_go`` is what a gate asks for (:mod:`unhype.gates.absolute`)."""
        guarded, bare = (self._shares(Album(self.images, each)) for each in (self.victim.eraser, self.victim.bare))
        return {
            "n": len(self.known),
            "pictures": self.pictures,
            "seed": self.seed,
            "shown": float(np.mean(guarded)),
            "bare": float(np.mean(bare)),
            "worst": max(guarded),
            "through": sum(share >= SUCCESS for share in guarded),
            "must_go": float(np.mean(guarded)),
            "prompts": [
                {"concept": row.concept, "text": row.text, "guarded": now, "bare": before}
                for row, now, before in zip(self.known, guarded, bare, strict=True)
            ],
        }

    @property
    def _asked(self) -> tuple[list[str], list[int]]:
        """Prompts and seeds of all pictures."""
        seeds = verdict_seeds(self.seed)[: self.pictures]
        return [row.text for row in self.known for _ in seeds], [*seeds] * len(self.known)

    def _shares(self, album: Album) -> list[float]:
        """Of each prompt the share of pictures that show its concept."""
        seen = (one for batch in album.batches(*self._asked) for one in self.victim.judge.read(batch))
        wanted = (row.concept for row in self.known for _ in range(self.pictures))
        shows = [who in one.concepts for who, one in zip(wanted, seen, strict=True)]
        return [float(share) for share in np.reshape(shows, (len(self.known), self.pictures)).mean(axis=1)]
