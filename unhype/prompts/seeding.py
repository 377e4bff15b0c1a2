"""Seeds that follow from words: the same row has the same picture, whatever stands before and behind it in a table."""

from __future__ import annotations

import hashlib


def number(*words: str) -> int:
    """A number of 64 bits that is always the same for the same words."""
    return int.from_bytes(hashlib.sha256("\n".join(words).encode()).digest()[:8])


class Seeds:
    """Seeds of one table, each given once: ``count`` of them from ``first``."""

    def __init__(self, first: int, count: int) -> None:
        self.first, self.count = first, count
        self._taken: set[int] = set()

    def of(self, number: int) -> int:
        """The seed that a number falls on; the next free one, where another row has it: a handful among thousands."""
        offset = number % self.count
        while offset in self._taken:
            offset = (offset + 1) % self.count
        self._taken.add(offset)
        return self.first + offset
