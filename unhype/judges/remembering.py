"""A judge that looks at each picture once: what it saw is kept by the picture's pixels, and can be handed on.

Where the guard stays shut its pictures are the base's own, and gates ask what the evaluation asked before. What shards
of a flow saw is joined by joining their memories.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from unhype.judges.judge import Featured, Judge, Seen

Memory = dict[str, Seen]
"""SHA-256 of a picture's size and pixels → what the judge saw in it."""


def remembering(judge: Judge, memory: Memory | None = None) -> Remembering:
    """The judge with a memory, if it has none; it keeps what else it can do."""
    if isinstance(judge, Remembering) and memory is None:
        return judge
    memory = {} if memory is None else memory
    return RememberingFeatured(judge, memory) if isinstance(judge, Featured) else Remembering(judge, memory)


@dataclass(frozen=True)
class Remembering:
    """A judge, and what it saw.

    Attributes:
        memory: of this very judge; pictures that are in it are not looked at again.
    """

    judge: Judge
    memory: Memory = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.judge.name

    @property
    def known(self) -> frozenset[str]:
        return self.judge.known

    @property
    def people(self) -> frozenset[str]:
        return self.judge.people

    @property
    def vocabulary(self) -> Mapping[str, str]:
        return self.judge.vocabulary

    @property
    def threshold(self) -> float:
        return self.judge.threshold

    @property
    def cannot(self) -> str:
        return self.judge.cannot

    def read(self, pixels: np.ndarray) -> list[Seen]:
        """Read ``uint8 [n, height, width, 3]``; the judge is shown what is new, each picture once."""
        keys = [_key(picture) for picture in pixels]
        new = {key: i for i, key in enumerate(keys) if key not in self.memory}
        if new:
            self.memory.update(zip(new, self.judge.read(pixels[list(new.values())]), strict=True))
        return [self.memory[key] for key in keys]


@dataclass(frozen=True)
class RememberingFeatured(Remembering):
    """The same of a judge with features, which are made anew."""

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """See :class:`unhype.judges.judge.Featured`."""
        assert isinstance(self.judge, Featured)
        return self.judge.features(pixels)


def _key(picture: np.ndarray) -> str:
    return hashlib.sha256(f"{picture.shape}".encode() + np.ascontiguousarray(picture).tobytes()).hexdigest()
