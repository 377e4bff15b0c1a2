"""Prompts on their way in: as a caller gives them, and as the denoiser reads them.

Shapes: n samples, t tokens, d width of token states, p of the pooled vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from unhype.adapters.watching import Texts


@dataclass(frozen=True)
class Text:
    """Prompts as the denoiser reads them.

    Attributes:
        states: every token's state, ``[n, t, d]``.
        pooled: the second route of text, where a family has one, ``[n, p]``.
    """

    states: torch.Tensor
    pooled: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.states)

    def __getitem__(self, rows: Any) -> Text:
        return Text(self.states[rows], None if self.pooled is None else self.pooled[rows])

    def chunk(self, parts: int) -> tuple[Text, ...]:
        """Equal parts, one after the other."""
        size = len(self) // parts
        return tuple(self[i * size : (i + 1) * size] for i in range(parts))

    def repeated(self, times: int) -> Text:
        """All rows, so many times over."""
        pooled = None if self.pooled is None else self.pooled.repeat(times, 1)
        return Text(self.states.repeat(times, 1, 1), pooled)

    def expanded(self, n: int) -> Text:
        """A single row as n rows."""
        pooled = None if self.pooled is None else self.pooled.expand(n, -1)
        return Text(self.states.expand(n, -1, -1), pooled)

    def blended(self, other: Text, part: torch.Tensor) -> Text:
        """Of each row this ``part [n]`` of self and the rest of ``other``; all of it is self to the bit."""
        part = part.to(self.states)
        states = torch.lerp(other.states, self.states, part.view(-1, 1, 1))
        if self.pooled is None or other.pooled is None:
            return Text(states)
        return Text(states, torch.lerp(other.pooled, self.pooled, part.view(-1, 1)))

    @classmethod
    def joined(cls, texts: Sequence[Text]) -> Text:
        """Rows of several, one after the other."""
        pooled = [text.pooled for text in texts if text.pooled is not None]
        return cls(torch.cat([text.states for text in texts]), torch.cat(pooled) if pooled else None)


def texts_of(*given: Any) -> list[Texts] | None:
    """Prompts of one or more encoders, picture by picture; None if there is none. Equal texts count once."""
    lists = [[each] if isinstance(each, str) else list(each) for each in given if each is not None]
    if not lists:
        return None
    n = max(map(len, lists))
    rows = [[each[i] if len(each) == n else each[0] for each in lists] for i in range(n)]
    return [tuple(dict.fromkeys(row)) for row in rows]
