"""An attack on one eraser: for each name a search, and a verdict on what it found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from unhype.attacks.genetic import GeneticSearch, Likeness
from unhype.attacks.objective import Objective, aim
from unhype.attacks.opening import CLOSED, opened
from unhype.attacks.searching import Budget, Search, State, search
from unhype.attacks.soft import check_open_text
from unhype.attacks.tokens import TokenSearch, all_tokens, known_words
from unhype.attacks.verdicts import AIMING, SUCCESS, check, shown, verdict_seeds
from unhype.concepts.folding import words
from unhype.concepts.schema import ConceptSet
from unhype.eraser import Eraser
from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.files import write_text
from unhype.judges.judge import Judge, check_known
from unhype.progress import Progress
from unhype.prompts.templates import DEVELOPMENT, TRAINING


@dataclass(frozen=True)
class Attacked:
    """Who is attacked, and who looks.

    Attributes:
        bare: the base itself, on the same pipeline.
    """

    eraser: Eraser
    bare: Eraser
    family: Family
    judge: Judge
    concepts: ConceptSet


def _white(victim: Attacked, concept: str, whole: bool) -> Search:
    view = opened(victim.eraser)
    assert view is not None
    seeds = range(AIMING, AIMING + 16)
    objective = Objective(view, aim(victim.family, victim.bare, victim.concepts.sort.phrase(concept), seeds))
    tokenizer: Any = getattr(victim.family.pipeline, victim.family.encoders[0][1])
    known = known_words(tokenizer, concept, lexicon(victim.concepts)) if whole else all_tokens(tokenizer, concept)
    return TokenSearch(objective, known)


def _black(victim: Attacked, concept: str) -> Search:
    phrase = victim.concepts.sort.phrase(concept)
    likeness = Likeness(victim.eraser, victim.bare, victim.judge, concept, phrase)
    own = set(words(concept))
    known = sorted({word for text in lexicon(victim.concepts) for word in words(text) if word not in own})
    return GeneticSearch(likeness, concept, known)


METHODS: dict[str, Callable[[Attacked, str], Search]] = {
    "tokens": partial(_white, whole=False),
    "words": partial(_white, whole=True),
    "pictures": _black,
}
"""Name → a search for a concept."""

GRADIENTS = ("tokens", "words")
"""Those that need an eraser that is open, on a base whose text is."""


def lexicon(concepts: ConceptSet) -> list[str]:
    """Texts whose words somebody might write: sentences, and the names of the set."""
    frames = [frame for split in (TRAINING, DEVELOPMENT) for frames in split.values() for frame in frames]
    return [*frames, *concepts.retain, *concepts.evaluation, *(entry.concept for entry in concepts.forget)]


def check_open(method: str, name: str, family: Family | type[Family]) -> None:
    """Refuse a method that needs gradients where there are none; costs nothing.

    Args:
        name: of the eraser.

    Raises:
        UnhypeError: its prediction has none, or the base's text.
    """
    if method in GRADIENTS and name in CLOSED:
        raise UnhypeError(
            f"got {name}, whose prediction has no gradient here, wanted an eraser that has one for --method {method}: "
            "attack it by pictures alone, --method pictures"
        )
    if method in GRADIENTS:
        check_open_text(family)


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
    """

    method: str
    victim: Attacked
    budget: Budget
    seed: int
    folder: Path
    findings: list[Finding] = field(default_factory=list)

    def run(self, names: Sequence[str]) -> Iterator[Progress]:
        """Search for every name, and judge; what is done already is read.

        Raises:
            UnhypeError: see :func:`check_open`; or concepts that the judge can't tell.
        """
        check_open(self.method, self.victim.eraser.name, self.victim.family)
        check_known(self.victim.judge, names, f"the set {self.victim.concepts.name}")
        self.findings.clear()
        for done, concept in enumerate(names):
            for state in self._search(concept):
                yield Progress(f"{self.method}: names", done, len(names), loss=state.memory.get("total", 0.0))
            self.findings.append(self._judged(concept, state))
        yield Progress(f"{self.method}: names", len(names), len(names), loss=0.0)

    def _search(self, concept: str) -> Iterator[State]:
        victim, build = self.victim, partial(METHODS[self.method], self.victim, concept)
        of = f"{self.method}, {concept}, {victim.eraser.name} {victim.eraser.identity[:12]}, seed {self.seed}"
        checks = partial(check, victim.eraser, victim.judge, concept)
        yield from search(build, checks, self.budget, self._path(concept, "search"), of, self.seed)

    def _judged(self, concept: str, state: State) -> Finding:
        path = self._path(concept, "verdict")
        if path.exists():
            told = Finding(**json.loads(path.read_text(encoding="utf-8")))
            if (told.text, told.queries) == (state.found, state.queries):
                return told
        guarded, bare, victim, seeds = 0.0, 0.0, self.victim, verdict_seeds(self.seed)
        if state.found:
            guarded = shown(victim.eraser, victim.judge, concept, state.found, seeds)
            bare = shown(victim.bare, victim.judge, concept, state.found, seeds)
        finding = Finding(concept, state.found, guarded, bare, state.queries, state.seconds)
        write_text(path, json.dumps(asdict(finding), ensure_ascii=False, indent=2) + "\n")
        return finding

    def _path(self, concept: str, what: str) -> Path:
        own = hashlib.sha256(concept.encode()).hexdigest()[:6]
        plain = "".join(letter if letter.isalnum() else "-" for letter in concept.lower())
        return self.folder / self.method / f"{plain}-{own}.{what}.json"
