"""White box: a search over a few tokens, guided by their gradient (GCG, Zou et al. 2023; UnlearnDiffAtk).

Each step takes the gradient of the objective at the text as it is, tries tokens that it recommends, one change at a
time, and keeps the best. Candidates are texts, scored as the victim itself reads them: what the tokenizer would cut
otherwise is no candidate. A search that stands still begins again elsewhere.

Where a base has several text encoders they read the same text, each in tokens of its own: every encoder's gradient
recommends changes in turn. The first says what a text is, in small letters and in how many tokens.

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
"""Tokens of a text, at most, where a search begins; another encoder's change may cut it into twice as many."""

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

    def ids(self, text: str) -> list[int]:
        """The tokens of a whole text, behind whoever stands before it."""
        return self._cut(text)[len(self.before) :]

    def _cut(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text.strip(), add_special_tokens=False).input_ids
        return ids


def all_tokens(tokenizer: Any, concept: str) -> Vocabulary:
    """Tokens of letters and digits: CLIP's, which mark where a word ends, or T5's, which mark where it begins."""
    plain = re.compile(r"▁?[a-z0-9]+(</w>)?")
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
    marked = {token for word in wanted for token in (f"{word}</w>", f"▁{word}")}
    ids = tuple(sorted(vocabulary[token] for token in marked if token in vocabulary))
    if len(ids) < LENGTH:
        raise UnhypeError(f"got {len(ids)} known words that are a token each, wanted {LENGTH} or more: --method tokens")
    return Vocabulary(ids, ())


class TokenSearch:
    """The search for one person; see the module."""

    def __init__(self, objective: Objective, vocabularies: Sequence[Vocabulary], sought: Sought) -> None:
        """``vocabularies``: of each of the family's tokenizers."""
        family = objective.family
        self.objective, self.sought = objective, sought
        self.vocabulary, self.vocabularies = vocabularies[0], vocabularies
        self.known = frozenset(self.vocabulary.ids)
        self.writers = [Writer(getattr(family.pipeline, name), sought) for _, name in family.encoders]
        self.text = self.writers[0]

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
        candidates = self._candidates(memory["ids"], rng)
        texts, tried = list(candidates), list(candidates.values())
        values = self.objective.values(texts, memory["total"])
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
        return Turn(following, len(tried), texts[offered] if offered >= 0 else "")

    def _candidates(self, ids: Sequence[int], rng: np.random.Generator) -> dict[str, list[int]]:
        """Other texts → the first encoder's tokens of them."""
        text = self.text(ids)
        ways = [
            _Way(writer, writer.ids(text), np.array(vocabulary.ids), gradient.cpu().numpy())
            for writer, vocabulary, gradient in zip(
                self.writers, self.vocabularies, self.objective.gradients(text), strict=True
            )
        ]
        found: dict[str, list[int]] = {}
        for turn in range(4 * CANDIDATES):
            changed = ways[turn % len(ways)].changed(rng)
            own = self._first(changed)
            if own and changed != text:
                found[changed] = own
            if len(found) == CANDIDATES:
                break
        return found

    def _first(self, text: str) -> list[int]:
        """The first encoder's tokens of a text; none where it is no text of this search."""
        ids = self.text.ids(text) if text else []
        fits = len(ids) <= 2 * LENGTH and self.known.issuperset(ids) and self.text(ids) == text
        return ids if fits else []


class _Way:
    """One encoder's way to change a text: a token becomes one that its gradient recommends."""

    def __init__(self, writer: Writer, ids: Sequence[int], pool: np.ndarray, gradient: np.ndarray) -> None:
        """``gradient`` ``[L, V]``, of the whole text, of which ``ids`` are the end."""
        self.writer, self.ids = writer, ids
        own = gradient[-len(ids) :][:, pool]
        self.promising = pool[np.argsort(own, axis=1, kind="stable")[:, :TOP]]

    def changed(self, rng: np.random.Generator) -> str:
        """Another text; or empty, if the tokenizer cuts it otherwise."""
        place, changed = int(rng.integers(len(self.ids))), list(self.ids)
        changed[place] = int(self.promising[place, rng.integers(self.promising.shape[1])])
        return self.writer(changed)
