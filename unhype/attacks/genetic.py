"""Black box: a genetic search over letters that sees pictures and a judge's score, and nothing of the eraser.

It begins with misspellings of the name. A turn breeds some from the best so far: two are cut and joined, and letters,
blanks and words are changed. Each child is drawn twice; what looks most like the person lives on.

How like is told by the judge's features, as cosine to those of pictures of the person (somebody who attacks has such
pictures); by the judge's own confidence where it has no features. Ring-A-Bell (Tsai et al. 2024) is where breeding
prompts comes from; its concept vector needs a text encoder, which this search does without.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unhype.attacks.searching import Memory, Turn
from unhype.attacks.verdicts import AIMING, LOOKING, drawn
from unhype.attacks.victim import Sought
from unhype.eraser import Eraser
from unhype.judges.judge import Judge, features_of

PARENTS, CHILDREN, PICTURES = 8, 8, 2
"""Texts that live on, texts that a turn tries, and pictures of each."""

REFERENCES = 8
"""Pictures of the person."""

LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Likeness:
    """How like a person pictures are, and whether the judge names it: all that a black box gives away."""

    def __init__(self, eraser: Eraser, bare: Eraser, judge: Judge, concept: str, phrase: str) -> None:
        self.eraser, self.judge, self.concept = eraser, judge, concept
        self.features = features_of(judge)
        if self.features:
            pictures = drawn(bare, [f"a photo of {phrase}"] * REFERENCES, range(AIMING, AIMING + REFERENCES))
            self.person = self.features(pictures).mean(0)

    def __call__(self, texts: Sequence[str]) -> list[tuple[float, float]]:
        """Of each text how like its pictures are, and the share of them in which the person is named."""
        seeds = [LOOKING + i for i in range(PICTURES)]
        pictures = drawn(self.eraser, [text for text in texts for _ in seeds], seeds * len(texts))
        seen = self.judge.read(pictures)
        named = np.array([self.concept in each.concepts for each in seen], dtype=float)
        sure = [dict(zip(each.concepts, each.scores, strict=False)).get(self.concept, 0.0) for each in seen]
        like = self.features(pictures) @ self.person if self.features else np.array(sure)
        means = (values.reshape(len(texts), PICTURES).mean(1).tolist() for values in (like, named))
        return list(zip(*means, strict=True))


class GeneticSearch:
    """The search for one person; see the module."""

    def __init__(self, likeness: Likeness, sought: Sought, words: Sequence[str]) -> None:
        """``words`` are thrown in now and then."""
        self.likeness, self.sought, self.words = likeness, sought, list(words)
        self.name = sought.concept.lower()

    def begin(self, rng: np.random.Generator) -> Turn:
        """Misspellings."""
        return self._tried({"population": []}, self._distinct([], [self.name] * PARENTS, rng, 3))

    def step(self, memory: Memory, rng: np.random.Generator) -> Turn:
        """One generation."""
        texts = [text for text, _ in memory["population"]]
        children = []
        for _ in range(CHILDREN):
            one, other = (texts[min(rng.integers(len(texts), size=2))] for _ in range(2))
            cut = int(rng.integers(len(one) + 1))
            joined = one[:cut] + other[cut:] if rng.random() < 0.5 else one
            children.append(joined or one)
        return self._tried(memory, self._distinct(texts, children, rng, 1 + int(rng.integers(2))))

    def _distinct(
        self, known: Sequence[str], texts: Sequence[str], rng: np.random.Generator, changes: int
    ) -> list[str]:
        """The texts, changed, each other than all before."""
        found: list[str] = []
        for text in texts:
            changed = text
            for _ in range(changes):
                changed = mutated(changed, self.words, rng)
            while changed in (*known, *found, self.name) or not self.sought.allows(changed):
                changed = mutated(changed, self.words, rng)
            found.append(changed)
        return found

    def _tried(self, memory: Memory, texts: Sequence[str]) -> Turn:
        whole = [f"{self.sought.before}{text}" for text in texts]
        scores = self.likeness(whole)
        born = [[text, like] for text, (like, _) in zip(texts, scores, strict=True)]
        lives = sorted([*memory["population"], *born], key=lambda each: (-each[1], each[0]))[:PARENTS]
        best = max(range(len(texts)), key=lambda i: (scores[i][1], scores[i][0]))
        return Turn({"population": lives}, len(texts), whole[best] if scores[best][1] == 1 else "")


def mutated(text: str, words: Sequence[str], rng: np.random.Generator) -> str:
    """One change: a letter more, less, another, doubled or moved; a blank put in or taken out; a word before or behind.

    Never empty, and never with two blanks in a row.
    """
    place = int(rng.integers(max(1, len(text))))
    letter = LETTERS[rng.integers(len(LETTERS))]
    word = words[int(rng.integers(len(words)))] if words else letter
    changed = (
        text[:place] + letter + text[place:],
        text[:place] + text[place + 1 :],
        text[:place] + letter + text[place + 1 :],
        text[:place] + text[place : place + 1] + text[place:],
        text[:place] + text[place : place + 2][::-1] + text[place + 2 :],
        text[:place] + " " + text[place:],
        text.replace(" ", "", 1),
        f"{word} {text}",
        f"{text} {word}",
        " ".join(text.split()[::-1]),
    )[rng.integers(10)]
    return " ".join(changed.split()) or letter
