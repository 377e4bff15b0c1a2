"""Who is attacked, and what a search looks for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from unhype.concepts.folding import words
from unhype.concepts.schema import ConceptSet
from unhype.eraser import Eraser
from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.judges.judge import Judge


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

    @property
    def unguarded(self) -> Attacked:
        """The base in the victim's place: all that somebody knows who does not know the eraser."""
        return replace(self, eraser=self.bare)


@dataclass(frozen=True)
class Sought:
    """What a text shall have drawn.

    Attributes:
        concept: the forgotten one.
        kept: somebody who stays and stands before the text; empty for nobody.
        barred: folded words that the text may not have.
        blind: whether what guides the search leaves the victim's monitor out, which then only meets the pictures.
    """

    concept: str
    kept: str = ""
    barred: frozenset[str] = frozenset()
    blind: bool = False

    @property
    def before(self) -> str:
        """What stands before the text that is searched, with the blank between them."""
        return f"{self.kept} and " if self.kept else ""

    def phrase(self, concepts: ConceptSet) -> str:
        """What the base is asked for to see how it looks."""
        return f"{self.before}{self.concept}" if self.kept else concepts.sort.phrase(self.concept)

    def allows(self, text: str) -> bool:
        """Whether a text has none of the barred words."""
        return not self.barred & set(words(text))


def companion(concepts: ConceptSet, concept: str, seed: int) -> str:
    """Who stands before the text: one of those to be kept who share no word with the forgotten one, drawn by seed.

    Raises:
        UnhypeError: concepts that stand in no company, or nobody to keep.
    """
    own = set(words(concept))
    others = [name for name in concepts.retain if not own & set(words(name))]
    if not concepts.sort.company or not others:
        what = "nobody to keep" if concepts.sort.company else f"a set of {concepts.kind}"
        raise UnhypeError(f"got --company for {concepts.name}, {what}, wanted people, some of whom are kept")
    drawn = np.random.default_rng([seed, int(hashlib.sha256(concept.encode()).hexdigest()[:8], 16)])
    return others[int(drawn.integers(len(others)))]
