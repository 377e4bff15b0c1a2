"""Sentences that the same base is asked again and again (nothing at all, nobody, a suspect), each encoded once.

A sentence is always encoded alone, so that no bit of it depends on its company.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import torch

from unhype.families.learnt import learnt, rewritten, rows_of
from unhype.families.spoken import spoken
from unhype.families.text import Text

ROOM = 64 * 2**20
"""Bytes of encodings that are kept; who was asked for longest ago goes first. A sentence of Stable Diffusion 1 has a
quarter of 2²⁰, one of Flux four times that."""


class Sentences:
    """Sentences → what the denoiser reads, through the pipeline's own encoding."""

    def __init__(self, encode: Callable[[Sequence[str]], Text]) -> None:
        """``encode`` is the family's."""
        self.encode = encode
        self._memory = _Memory()

    def __call__(
        self, pipeline: Any, pairs: Sequence[tuple[Any, Any]], place: Hashable, sentences: Sequence[str]
    ) -> Text:
        """One row of each sentence; they are shared with whoever asks, and nobody may write into them.

        Args:
            pairs: encoders and their tokenizers, None where there is none: then nothing is remembered.
            place: where encodings go, and how precise they are.
        """
        memory, found = self._remembered(pipeline, pairs, place, sentences), dict[str, Text]()
        for each in dict.fromkeys(sentences):
            text = memory.known.pop(each, None)
            if text is None:
                # Also for who trains, if the first to ask does not.
                with torch.inference_mode(False), torch.no_grad():
                    text = self.encode([each])
            found[each] = memory.known[each] = text  # the last asked for stand last
        memory.make_room()
        return Text.joined([found[each] for each in sentences])

    def _remembered(
        self, pipeline: Any, pairs: Sequence[tuple[Any, Any]], place: Hashable, sentences: Sequence[str]
    ) -> _Memory:
        """What is remembered; nothing, as soon as an encoder has moved, or means something else by a token."""
        if any(part is None for pair in pairs for part in pair):
            return _Memory()
        state = place, tuple((encoder.device, learnt(tokenizer, encoder)) for encoder, tokenizer in pairs)
        rows = []
        for encoder, tokenizer in pairs:
            ids = tokenizer(spoken(pipeline, tokenizer, sorted(set(sentences))), truncation=True).input_ids
            rows.append(rows_of(encoder, chain.from_iterable(ids)))
        if self._memory.state != state or any(map(rewritten, self._memory.rows, rows)):
            self._memory = _Memory(state, [{} for _ in rows])
        for known, now in zip(self._memory.rows, rows, strict=True):
            known |= now
        return self._memory


@dataclass
class _Memory:
    """What was encoded, and for which state of encoders and tokenizers it holds."""

    state: Hashable = None
    rows: list[dict[int, bytes]] = field(default_factory=list)
    known: dict[str, Text] = field(default_factory=dict)

    def make_room(self) -> None:
        left = ROOM
        for each, text in reversed([*self.known.items()]):
            left -= sum(part.numel() * part.element_size() for part in (text.states, text.pooled) if part is not None)
            if left < 0:
                self.known.pop(each, None)
