"""Sentences that the same base is asked again and again (nothing at all, nobody, a suspect), each encoded once.

A sentence is always encoded alone, so that no bit of it depends on its company.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import chain
from typing import Any

import torch

from unhype.families.learnt import Watched
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
        self._watched: list[Watched] = []
        self._known: dict[str, Text] = {}

    def __call__(
        self, pipeline: Any, pairs: Sequence[tuple[Any, Any]], place: Hashable, sentences: Sequence[str]
    ) -> Text:
        """One row of each sentence; they are shared with whoever asks, and nobody may write into them.

        Args:
            pairs: encoders and their tokenizers, None where there is none: then nothing is remembered.
            place: where encodings go, and how precise they are.
        """
        known, found, fresh = self._remembered(pipeline, pairs, place, sentences), dict[str, Text](), False
        for each in dict.fromkeys(sentences):
            text = known.pop(each, None)
            if text is None:
                # Also for who trains, if the first to ask does not.
                with torch.inference_mode(False), torch.no_grad():
                    text, fresh = self.encode([each]), True
            found[each] = known[each] = text  # the last asked for stand last
        if fresh:
            _make_room(known)
        return Text.joined([found[each] for each in sentences])

    def _remembered(
        self, pipeline: Any, pairs: Sequence[tuple[Any, Any]], place: Hashable, sentences: Sequence[str]
    ) -> dict[str, Text]:
        """What is remembered; nothing, as soon as an encoder has moved, or means something else by a token."""
        if any(part is None for pair in pairs for part in pair):
            return {}
        if len(self._watched) != len(pairs):
            self._watched = [Watched() for _ in pairs]
        for watched, (encoder, tokenizer) in zip(self._watched, pairs, strict=True):
            ids = tokenizer(spoken(pipeline, tokenizer, sorted(set(sentences))), truncation=True).input_ids
            # Both are asked, since each remembers what it saw; and what was known goes before anything else can fail.
            changed = watched.changed(tokenizer, encoder, place)
            if watched.rewritten(encoder, chain.from_iterable(ids)) or changed:
                self._known = {}
        return self._known


def _make_room(known: dict[str, Text]) -> None:
    left = ROOM
    for each, text in reversed([*known.items()]):
        left -= sum(part.numel() * part.element_size() for part in (text.states, text.pooled) if part is not None)
        if left < 0:
            del known[each]
