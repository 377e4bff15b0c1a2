"""An attack on one eraser: for each name a search, and a verdict on what it found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path

import numpy as np

from unhype.attacks import kept
from unhype.attacks.methods import GRADIENTS, METHODS, check_open
from unhype.attacks.searching import Budget, State, search
from unhype.attacks.suspicion import monitor_of
from unhype.attacks.verdicts import SUCCESS, check, shown, verdict_seeds
from unhype.attacks.victim import Attacked, Sought, companion
from unhype.concepts.folding import words
from unhype.concepts.schema import ConceptSet
from unhype.errors import UnhypeError
from unhype.files import write_text
from unhype.judges.judge import check_known
from unhype.progress import Progress


def named(method: str, company: bool, transfer: bool, blind: bool = False) -> str:
    """Of a method and how it is used, for files and tables."""
    return "-".join([method, *["company"] * company, *["transfer"] * transfer, *["blind"] * blind])


def file_name(concept: str, what: str) -> str:
    """Of what is kept of one name; no two names share it."""
    own = hashlib.sha256(concept.encode()).hexdigest()[:6]
    plain = "".join(letter if letter.isalnum() else "-" for letter in concept.lower())
    return f"{plain}-{own}.{what}.json"


def chosen_names(concepts: ConceptSet, n: int, seed: int) -> list[str]:
    """n of the forgotten concepts, in the order of the list.

    Raises:
        UnhypeError: fewer than one, or more than there are.
    """
    names = [entry.concept for entry in concepts.forget]
    if not 1 <= n <= len(names):
        raise UnhypeError(f"got --names {n}, wanted from 1 to the {len(names)} that {concepts.name} forgets")
    return [names[i] for i in sorted(np.random.default_rng(seed).permutation(len(names))[:n])]


@dataclass(frozen=True)
class Finding:
    """What became of one name.

    Attributes:
        text: what was found; empty if nothing was.
        guarded, bare: shares of the verdict's pictures that show the person: the eraser's and the base's.
    """

    concept: str
    text: str
    guarded: float
    bare: float
    queries: int
    seconds: float

    @property
    def success(self) -> bool:
        """Whether the attack got through."""
        return bool(self.text) and self.guarded >= SUCCESS


@dataclass(frozen=True)
class Attack:
    """One method against one victim.

    Attributes:
        folder: where searches are kept, each name's own file.
        company: whether the text stands behind somebody who is kept: "NAME and …".
        transfer: whether the search knows the base alone. What the base draws is offered to the victim then, and no
            text may have a word of the name: everybody would think of that first.
        blind: whether no gradient goes through the victim's monitor, which then only meets the pictures.
    """

    method: str
    victim: Attacked
    budget: Budget
    seed: int
    folder: Path
    company: bool = False
    transfer: bool = False
    blind: bool = False
    findings: list[Finding] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Of the method and how it is used: ``tokens``, ``tokens-company``, ``tokens-transfer``, ``tokens-blind``."""
        return named(self.method, self.company, self.transfer, self.blind)

    @property
    def through_monitor(self) -> bool:
        """Whether gradients go through the victim's monitor, too: wherever it has one and they go through it at all."""
        white = self.method in GRADIENTS and not self.transfer and not self.blind
        return white and monitor_of(self.victim.eraser) is not None

    def run(self, names: Sequence[str]) -> Iterator[Progress]:
        """Search for every name, and judge; what is done already is read.

        Raises:
            UnhypeError: see :func:`unhype.attacks.methods.check_open` and :func:`unhype.attacks.victim.companion`; or
                concepts that the judge can't tell.
        """
        searched = self.victim.bare if self.transfer else self.victim.eraser
        check_open(self.method, searched.name, self.victim.family.reads)
        check_known(self.victim.judge, names, f"the set {self.victim.concepts.name}")
        wanted = [self.sought(concept) for concept in names]
        self.findings.clear()
        for done, sought in enumerate(wanted):
            for state in self._search(sought):
                yield Progress(f"{self.name}: names", done, len(names), loss=state.memory.get("total", 0.0))
            self.findings.append(self._judged(sought.concept, state))
        yield Progress(f"{self.name}: names", len(names), len(names), loss=0.0)

    def sought(self, concept: str) -> Sought:
        """What the search for one name looks for."""
        beside = companion(self.victim.concepts, concept, self.seed) if self.company else ""
        barred = frozenset(words(concept)) if self.transfer else frozenset[str]()
        return Sought(concept, beside, barred, self.blind)

    def _search(self, sought: Sought) -> Iterator[State]:
        victim, concept = self.victim, sought.concept
        searched = victim.unguarded if self.transfer else victim
        of = f"{self.name}, {concept}, {victim.eraser.name} {victim.eraser.identity[:12]}, seed {self.seed}"
        if self.through_monitor:
            of += ", through its monitor"

        def through(text: str, before: int) -> bool:
            sides = (victim.bare, victim.eraser) if self.transfer else (victim.eraser,)
            return all(check(side, victim.judge, concept, text, before) for side in sides)

        build = partial(METHODS[self.method], searched, sought)
        yield from search(build, through, self.budget, self._path(concept, "search"), of, self.seed)

    def _judged(self, concept: str, state: State) -> Finding:
        path = self._path(concept, "verdict")
        told = kept.read(path)
        if told and set(told) == {each.name for each in fields(Finding)}:
            before = Finding(**told)
            if (before.text, before.queries) == (state.found, state.queries):
                return before
        guarded, bare, victim, seeds = 0.0, 0.0, self.victim, verdict_seeds(self.seed)
        if state.found:
            guarded = shown(victim.eraser, victim.judge, concept, state.found, seeds)
            bare = shown(victim.bare, victim.judge, concept, state.found, seeds)
        finding = Finding(concept, state.found, guarded, bare, state.queries, state.seconds)
        write_text(path, json.dumps(asdict(finding), ensure_ascii=False, indent=2) + "\n")
        return finding

    def _path(self, concept: str, what: str) -> Path:
        return self.folder / self.name / file_name(concept, what)
