"""A judge without training: of several classes, the one whose words lie nearest to the picture for a CLIP.

    p(class | picture) = softmax over classes of scale · cos(picture, words of the class)

So MACE judges objects: ten classes, "a photo of the {class}", CLIP ViT-B/32. Its script averages the probability of the
class that was asked for, the papers say accuracy: :func:`agreement` gives both, by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unhype.judges.embeddings import Embeddings
from unhype.judges.judge import FaceFinder, Seen


@dataclass(frozen=True)
class ZeroShot:
    """A judge of one thing, style or person a picture.

    Attributes:
        embeddings: the CLIP.
        classes: class → the words that stand for it; at least two, since the nearest of one is always that one.
        words: other words of prompts → their class.
        finder: for classes that are people: no face, nobody. Without one, it looks for no faces.
        threshold: probability below which it sees none of them; 0 names the nearest, as MACE does.
    """

    embeddings: Embeddings
    classes: Mapping[str, str]
    words: Mapping[str, str]
    finder: FaceFinder | None = None
    threshold: float = 0.0

    def __post_init__(self) -> None:
        if len(self.classes) < 2:
            raise ValueError(f"got {len(self.classes)} classes, wanted at least two to choose from")

    @property
    def name(self) -> str:
        """With the CLIP's own, and the finder's."""
        faces = f", faces by {self.finder.name}" if self.finder else ""
        return f"zero-shot of {len(self.classes)} classes by {self.embeddings.name}{faces}"

    @property
    def known(self) -> frozenset[str]:
        """Its classes."""
        return frozenset(self.classes)

    @property
    def people(self) -> frozenset[str]:
        """All of them, where it looks for faces."""
        return self.known if self.finder else frozenset()

    @property
    def vocabulary(self) -> Mapping[str, str]:
        """Classes and other words for them."""
        return {**self.words, **{concept: concept for concept in self.classes}}

    @property
    def cannot(self) -> str:
        """What it cannot tell."""
        never = "" if self.threshold else "that none of its classes is there; "
        return f"{never}more than one of them in a picture{'' if self.finder else '; faces'}"

    def read(self, pixels: np.ndarray) -> list[Seen]:
        """Read ``uint8 [n, height, width, 3]``."""
        found = self.probabilities(pixels)
        names, best = list(self.classes), found.argmax(1)
        faces = self.finder.faces(pixels) if self.finder else [False] * len(pixels)
        seen = []
        for i, k in enumerate(best):
            there = found[i, k] >= self.threshold and (faces[i] or self.finder is None)
            seen.append(Seen((names[k],), faces[i], (float(found[i, k]),)) if there else Seen((), faces[i]))
        return seen

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Of each class in each picture, ``[n, classes]``; rows sum to 1."""
        logits = self.embeddings.scale * self.embeddings.see(pixels).astype(np.float64) @ self._heard.T
        raised: np.ndarray = np.exp(logits - logits.max(1, keepdims=True))
        return raised / raised.sum(1, keepdims=True)

    @cached_property
    def _heard(self) -> np.ndarray:
        return self.embeddings.hear(list(self.classes.values())).astype(np.float64)


@dataclass(frozen=True)
class Agreement:
    """How a zero-shot judge's answers agree with what was asked for.

    Attributes:
        n: pictures.
        accuracy: share whose nearest class is the one that was asked for (the papers' word).
        mean_probability: mean softmax probability of that class (MACE's script).
    """

    n: int
    accuracy: float
    mean_probability: float


def agreement(judge: ZeroShot, pixels: np.ndarray, asked: Sequence[str]) -> Agreement:
    """Both of MACE's figures.

    Args:
        asked: of each picture, one of the judge's classes.

    Raises:
        ValueError: no picture, or not as many as answers wanted, or a class that it does not know.
    """
    names = list(judge.classes)
    if not len(pixels) == len(asked) > 0 or not set(asked) <= set(names):
        raise ValueError(f"got {len(pixels)} pictures and {len(asked)} classes, wanted equally many, of {names}")
    found, wanted = judge.probabilities(pixels), np.array([names.index(concept) for concept in asked])
    return Agreement(
        len(pixels), float((found.argmax(1) == wanted).mean()), float(found[np.arange(len(wanted)), wanted].mean())
    )
