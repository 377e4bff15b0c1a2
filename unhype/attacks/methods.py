"""The methods: name → a search for what is sought, through one victim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from unhype.attacks.concept import ConceptSearch, Direction
from unhype.attacks.genetic import GeneticSearch, Likeness
from unhype.attacks.objective import Objective, aim
from unhype.attacks.opening import CLOSED, opened
from unhype.attacks.searching import Search
from unhype.attacks.suspicion import Suspicion, monitor_of
from unhype.attacks.tokens import TokenSearch, Writer, all_tokens, known_words
from unhype.attacks.verdicts import AIMING
from unhype.attacks.victim import Attacked, Sought
from unhype.concepts.folding import words
from unhype.concepts.schema import ConceptSet
from unhype.errors import UnhypeError
from unhype.prompts.templates import DEVELOPMENT, TRAINING


def _white(victim: Attacked, sought: Sought, whole: bool) -> Search:
    view = opened(victim.eraser)
    assert view is not None
    target = aim(victim.family, victim.bare, sought.phrase(victim.concepts), range(AIMING, AIMING + 16))
    tokenizers = [getattr(victim.family.pipeline, name) for _, name in victim.family.encoders]
    concept, words_of_all = sought.concept, lexicon(victim.concepts) if whole else []
    known = [known_words(each, concept, words_of_all) if whole else all_tokens(each, concept) for each in tokenizers]
    monitor = None if sought.blind else monitor_of(victim.eraser)
    suspicion = None if monitor is None else Suspicion(victim.family, monitor, concept, view.switch)
    return TokenSearch(Objective(view, target, suspicion), known, sought)


def _black(victim: Attacked, sought: Sought) -> Search:
    likeness = Likeness(victim.eraser, victim.bare, victim.judge, sought.concept, sought.phrase(victim.concepts))
    own = set(words(sought.concept))
    known = sorted({word for text in lexicon(victim.concepts) for word in words(text) if word not in own})
    return GeneticSearch(likeness, sought, known)


def _concept(victim: Attacked, sought: Sought) -> Search:
    family, sought = victim.family, replace(sought, barred=frozenset(words(sought.concept)))
    tokenizer: Any = getattr(family.pipeline, family.encoders[0][1])
    direction = Direction(family, victim.concepts, sought)
    return ConceptSearch(direction, all_tokens(tokenizer, sought.concept), Writer(tokenizer, sought))


METHODS: dict[str, Callable[[Attacked, Sought], Search]] = {
    "tokens": partial(_white, whole=False),
    "words": partial(_white, whole=True),
    "pictures": _black,
    "concept": _concept,
}

GRADIENTS = ("tokens", "words")
"""Those that need an eraser that is open, on a base whose text is."""

OPEN = "pooled"
"""Of what c may be made for the gradient to go through it: :mod:`unhype.attacks.soft` knows the pooled vector."""


def lexicon(concepts: ConceptSet) -> list[str]:
    """Texts whose words somebody might write: sentences, and the names of the set."""
    frames = [frame for split in (TRAINING, DEVELOPMENT) for frames in split.values() for frame in frames]
    return [*frames, *concepts.retain, *concepts.evaluation, *(entry.concept for entry in concepts.forget)]


def check_open(method: str, name: str, reads: str) -> None:
    """Refuse a method that needs gradients where there are none; costs nothing.

    Args:
        name: of the eraser.
        reads: what the base's family makes c of (:attr:`unhype.families.family.Family.readings`).

    Raises:
        UnhypeError: the eraser's prediction has none, or c.
    """
    if method not in GRADIENTS:
        return
    if name in CLOSED:
        raise UnhypeError(
            f"got {name}, whose prediction has no gradient here, wanted an eraser that has one for --method {method}: "
            "attack it by pictures alone, --method pictures"
        )
    if reads != OPEN:
        raise UnhypeError(
            f"got a base that is read by its {reads} (training.reads), wanted {OPEN} for --method {method}; no other"
            " has token gradients here: attack it by --method pictures"
        )
