"""The ledger of a watch: which rows of text somebody has read, and what they say.

Rows belong to the pipeline's call that encoded them, and are forgotten with it. Those of prompts that were encoded
ahead of a call, by ``pipeline.encode_prompt``, are kept for a while, for every thread.
"""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from unhype.adapters.rows import Asked, Reader, Row, Rows, Scope, Texts, keys
from unhype.errors import UnhypeError

KEPT = 256
"""Rows that are kept of prompts encoded ahead of a call."""


class Ledger:
    """What is written down and looked up, by content. ``scopes`` are the calls that a thread is in, the inmost last."""

    def __init__(self) -> None:
        self._ahead: OrderedDict[bytes, Row] = OrderedDict()
        self._lock = threading.Lock()

    def remember(
        self, scopes: Sequence[Scope], reader: Reader, asked: Asked, positive: Rows, negative: Rows | None
    ) -> None:
        """Take down what was encoded.

        Raises:
            UnhypeError: embeddings in place of prompts, which nobody has read.
        """
        found = keys(positive)
        if asked.prompts is not None:
            self._add(scopes, reader, found, asked.prompts, negative=False)
        elif not all(row and row.texts for row in self.found(scopes, found)):
            raise UnhypeError(
                "got prompt embeddings, wanted the prompts themselves: a guarded pipeline must read what it draws; "
                "embeddings of its own encode_prompt are known too"
            )
        if negative is not None:
            self.remember_negative(scopes, reader, asked, negative)

    def remember_negative(self, scopes: Sequence[Scope], reader: Reader, asked: Asked, rows: Rows) -> None:
        """Take down negative prompts."""
        self._add(scopes, reader, keys(rows), asked.negatives or [()] * len(rows[0]), negative=True)

    def found(self, scopes: Sequence[Scope], rows: Sequence[bytes]) -> list[Row | None]:
        """Of each row, by its key, what is known of it."""
        with self._lock:
            places: list[Mapping[bytes, Row]] = [*(scope.rows for scope in reversed(scopes)), self._ahead]
            return [next((place[key] for place in places if key in place), None) for key in rows]

    def _add(
        self, scopes: Sequence[Scope], reader: Reader, found: Sequence[bytes], texts: Sequence[Texts], negative: bool
    ) -> None:
        each = max(1, len(found) // max(1, len(texts)))  # several pictures a prompt stand in a row
        distinct = [] if negative else list(dict.fromkeys(texts))
        readings = dict(zip(distinct, reader.read(reader.family, distinct), strict=True)) if distinct else {}
        known = self.found(scopes, found)
        with self._lock:
            place = scopes[-1].rows if scopes else self._ahead
            for i, (key, before) in enumerate(zip(found, known, strict=True)):
                said = texts[i // each]
                row = place.get(key)
                if row is None:
                    row = place[key] = copy.copy(before) if before else Row(said, reader)
                    row.negative = False
                row.texts, row.negative = row.texts or said, row.negative or negative
                if said in readings:
                    row.known, row.reading = True, readings[said]
            while len(self._ahead) > KEPT:
                self._ahead.popitem(last=False)
