"""White box: a search over a few tokens, guided by their gradient (GCG, Zou et al. 2023; UnlearnDiffAtk).

Each step takes the gradient of the objective at the text as it is, tries tokens that it recommends, one change at a
time, and keeps the best. Candidates are texts, scored as the victim itself reads them: what the tokenizer would cut
otherwise is no candidate. A search that stands still begins again elsewhere.

    tokens    any tokens of letters and digits
    words     whole known words alone, none of them a word of the name: a sentence that might be somebody's
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unhype.attacks.objective import Objective
from unhype.attacks.searching import Memory, Turn
from unhype.attacks.victim import Sought
from unhype.concepts.folding import words as folded
from unhype.errors import UnhypeError

LENGTH = 5
"""Tokens of a text, at most."""

CANDIDATES, TOP = 24, 64
"""Texts that a step tries, and tokens a place that the gradient recommends for them."""

STILL = 10
"""Steps without a better text after which it begins again."""

WORTH = 0.6
"""A text is worth pictures if it is as near as this share of what stands before it alone (1, if nothing does), or
nearer, and nearer than the last that was drawn."""

NEAR = 0.1
"""Where a text that is so near was drawn and did not do, none nearer will: the search begins again."""


@dataclass(frozen=True)
class Vocabulary:
    """Which tokens a text may have.

    Attributes:
        ids: of the tokens.
        near: those of the person's name among them, with which a search likes to begin; may be empty.
    """

    ids: tuple[int, ...]
    near: tuple[int, ...]

    def drawn(self, rng: np.random.Generator) -> int:
        """One of them: every other time one that is near."""
        pool = self.near if self.near and rng.random() < 0.5 else self.ids
        return int(pool[rng.integers(len(pool))])


class Writer:
    """Token ids → the whole text that they make, behind whoever stands before it."""

    def __init__(self, tokenizer: Any, sought: Sought) -> None:
        self.tokenizer, self.sought = tokenizer, sought
        self.before = self._cut(sought.before)

    def __call__(self, ids: Sequence[int]) -> str:
        """Empty where the tokenizer would cut the text otherwise, or where it has a barred word."""
        searched = str(self.tokenizer.decode(list(ids))).strip()
        text = f"{self.sought.before}{searched}"
        fits = self._cut(text) == [*self.before, *ids] and self.sought.allows(searched)
        return text if fits else ""

    def _cut(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False).input_ids
        return ids


def all_tokens(tokenizer: Any, concept: str) -> Vocabulary:
    """Tokens of letters and digits."""
    plain = re.compile(r"[a-z0-9]+(</w>)?")
    ids = tuple(sorted(i for token, i in tokenizer.get_vocab().items() if plain.fullmatch(token)))
    name = tokenizer(concept, add_special_tokens=False).input_ids
    return Vocabulary(ids, tuple(i for i in name if i in set(ids)))


def known_words(tokenizer: Any, concept: str, lexicon: Iterable[str]) -> Vocabulary:
    """Those words of a lexicon that are a token each, but for the words of the name.

    Raises:
        UnhypeError: fewer than there are places.
    """
    own = set(folded(concept))
    wanted = {word for text in lexicon for word in folded(text) if len(word) > 2} - own
    vocabulary = tokenizer.get_vocab()
    ids = tuple(sorted({vocabulary[f"{word}</w>"] for word in wanted if f"{word}</w>" in vocabulary}))
    if len(ids) < LENGTH:
        raise UnhypeError(f"got {len(ids)} known words that are a token each, wanted {LENGTH} or more: --method tokens")
    return Vocabulary(ids, ())


class TokenSearch:
    """The search for one person; see the module."""

    def __init__(self, objective: Objective, vocabulary: Vocabulary, sought: Sought) -> None:
        self.objective, self.vocabulary, self.sought = objective, vocabulary, sought
        self.text = Writer(getattr(objective.family.pipeline, objective.family.encoders[0][1]), sought)

    def begin(self, rng: np.random.Generator) -> Turn:
        """Somewhere: tokens of the name and others."""
        while True:
            length = int(rng.integers(3, LENGTH + 1))
            ids = [self.vocabulary.drawn(rng) for _ in range(length)]
            if text := self.text(ids):
                texts = [text, self.sought.kept] if self.sought.kept else [text]
                value, *alone = self.objective.values(texts)
                bar = WORTH * (alone[0].near if alone else 1)
                return Turn({"ids": ids, "total": value.total, "still": 0, "bar": bar}, len(texts))

    def step(self, memory: Memory, rng: np.random.Generator) -> Turn:
        """One change of one token, the best of many; or a new beginning."""
        if memory["still"] >= STILL or memory["bar"] <= NEAR:
            return self.begin(rng)
        tried = self._candidates(memory["ids"], rng)
        values = self.objective.values([self.text(ids) for ids in tried], memory["total"])
        best = min(range(len(tried)), key=lambda i: values[i].total, default=-1)
        better = best >= 0 and values[best].total < memory["total"]
        shut = [i for i, value in enumerate(values) if value.alarm == 0 and value.near < memory["bar"]]
        offered = min(shut, key=lambda i: values[i].near, default=-1)
        following = {
            "ids": tried[best] if better else memory["ids"],
            "total": values[best].total if better else memory["total"],
            "still": 0 if better else memory["still"] + 1,
            "bar": values[offered].near if offered >= 0 else memory["bar"],
        }
        return Turn(following, len(tried), self.text(tried[offered]) if offered >= 0 else "")

    def _candidates(self, ids: Sequence[int], rng: np.random.Generator) -> list[list[int]]:
        gradient = self.objective.gradient(self.text(ids)).cpu().numpy()[-len(ids) :]
        pool = np.array(self.vocabulary.ids)
        promising = pool[np.argsort(gradient[:, pool], axis=1, kind="stable")[:, :TOP]]
        found: dict[tuple[int, ...], None] = {}
        for _ in range(4 * CANDIDATES):
            place = int(rng.integers(len(ids)))
            changed = list(ids)
            changed[place] = int(promising[place, rng.integers(promising.shape[1])])
            if changed != list(ids) and self.text(changed):
                found[tuple(changed)] = None
            if len(found) == CANDIDATES:
                break
        return [list(each) for each in found]
