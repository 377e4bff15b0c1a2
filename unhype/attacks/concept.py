"""A concept's direction in the text encoder, and a genetic search for words that lie there (Ring-A-Bell).

    c = mean over sentences of  f("… NAME …") − f("… ANCHOR …"),      wanted = f(ANCHOR) + η · c

f: all that the denoiser reads of a text. The search asks the text encoder alone, never the denoiser or the guard: it is
free of any model that draws. What it settles on is offered to pictures; then it begins again, with another strength η.
No text may have a word of the name, which would be nearest and is no find.

Source: Tsai et al. 2024. Shapes: n texts, D numbers that the denoiser reads of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from unhype.attacks.searching import Memory, Turn
from unhype.attacks.tokens import LENGTH, Vocabulary, Writer
from unhype.attacks.victim import Sought
from unhype.concepts.schema import ConceptSet
from unhype.families.family import Family
from unhype.prompts.templates import TRAINING

PARENTS, CHILDREN = 24, 48
"""Texts that live on, and texts that a generation tries."""

STILL = 8
"""Generations without a better text after which the best is offered."""

STRENGTHS = (1.0, 2.0, 3.0)
"""η."""

Distance = Callable[[Sequence[str], float], list[float]]
"""Texts and a strength → how far each is from what is wanted; the anchor alone is 1 away."""


class Direction:
    """The distance, for one person."""

    def __init__(self, family: Family, concepts: ConceptSet, sought: Sought) -> None:
        self.family = family
        anchor = next(entry.anchor for entry in concepts.forget if entry.concept == sought.concept)
        person, neutral = sought.phrase(concepts), f"{sought.before}{concepts.sort.phrase(anchor)}"
        frames = [frame for some in TRAINING.values() for frame in some]
        with_it, without = (self._read([frame.format(text) for frame in frames]) for text in (person, neutral))
        self.concept, self.neutral = (with_it - without).mean(0), self._read([neutral])[0]

    def __call__(self, texts: Sequence[str], strength: float) -> list[float]:
        wanted = self.neutral + strength * self.concept
        far = (self._read(texts) - wanted).square().sum(1) / (strength * self.concept).square().sum()
        found: list[float] = far.tolist()
        return found

    @torch.no_grad()
    def _read(self, texts: Sequence[str]) -> torch.Tensor:
        """``[n, D]``."""
        text = self.family.encode(texts)
        parts = [text.states.flatten(1)] + ([] if text.pooled is None else [text.pooled])
        return torch.cat(parts, 1).float()


class ConceptSearch:
    """The search for one person; see the module. A query is a text that the encoder reads."""

    def __init__(self, distance: Distance, vocabulary: Vocabulary, text: Writer) -> None:
        self.distance, self.vocabulary, self.text = distance, vocabulary, text

    def begin(self, rng: np.random.Generator) -> Turn:
        """Anywhere: tokens of the name and others."""
        born: dict[tuple[int, ...], None] = {}
        while len(born) < PARENTS:
            ids = tuple(self.vocabulary.drawn(rng) for _ in range(int(rng.integers(2, LENGTH + 1))))
            if self.text(ids):
                born[ids] = None
        strength = float(STRENGTHS[rng.integers(len(STRENGTHS))])
        return self._lived({"population": [], "total": np.inf, "strength": strength, "still": 0}, list(born))

    def step(self, memory: Memory, rng: np.random.Generator) -> Turn:
        """One generation; or a new beginning, where the last offered what it had."""
        if memory["still"] >= STILL:
            return self.begin(rng)
        parents = [tuple(ids) for ids, _ in memory["population"]]
        born: dict[tuple[int, ...], None] = {}
        for _ in range(4 * CHILDREN):
            one, other = (parents[min(rng.integers(len(parents), size=2))] for _ in range(2))
            cut = int(rng.integers(len(one) + 1))
            ids = self._mutated((one[:cut] + other[cut:])[:LENGTH] or one, rng)
            if ids not in parents and self.text(ids):
                born[ids] = None
            if len(born) == CHILDREN:
                break
        return self._lived(memory, list(born))

    def _mutated(self, ids: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        """One token another, more or less; every third time none."""
        place, change = int(rng.integers(len(ids))), int(rng.integers(6))
        if change < 2:
            return ids
        if change == 2 and len(ids) < LENGTH:
            return (*ids[:place], self.vocabulary.drawn(rng), *ids[place:])
        if change == 3 and len(ids) > 1:
            return ids[:place] + ids[place + 1 :]
        return (*ids[:place], self.vocabulary.drawn(rng), *ids[place + 1 :])

    def _lived(self, memory: Memory, born: Sequence[tuple[int, ...]]) -> Turn:
        texts = [self.text(ids) for ids in born]
        far = self.distance(texts, memory["strength"]) if texts else []
        every = [*memory["population"], *([list(ids), value] for ids, value in zip(born, far, strict=True))]
        lives = sorted(every, key=lambda each: (each[1], each[0]))[:PARENTS]
        still = 0 if lives[0][1] < memory["total"] else memory["still"] + 1
        following = {**memory, "population": lives, "total": lives[0][1], "still": still}
        return Turn(following, len(texts), self.text(lives[0][0]) if still >= STILL else "")
