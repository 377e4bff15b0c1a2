"""Texts through a CLIP text encoder, as switch and hypernetwork want them: many short ones, each computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

REMEMBERED = 16_384
"""Texts whose vectors are kept at hand; the same phrases come again and again."""

CHUNK = 256
"""Texts that are encoded at once."""


class TextVectors:
    """c of texts: the state of the token that ends each, as the encoder pools it.

    Attributes:
        tokenizer, encoder: of the pipeline.
        pooled: the encoder's output → the vector.
    """

    def __init__(self, pipeline: Any, tokenizer: Any, encoder: Any, pooled: Callable[[Any], torch.Tensor]) -> None:
        self.pipeline, self.tokenizer, self.encoder, self.pooled = pipeline, tokenizer, encoder, pooled
        self._known: dict[str, torch.Tensor] = {}
        self._vocabulary = len(tokenizer)

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """float32 ``[n, d]``; a text is read no further than it goes: attention is causal."""
        if len(self.tokenizer) != self._vocabulary:  # a textual inversion has come or gone
            self._known, self._vocabulary = {}, len(self.tokenizer)
        unknown = self._unknown(texts)
        if len(self._known) + len(unknown) > REMEMBERED:
            self._known = {}
            unknown = self._unknown(texts)
        for start in range(0, len(unknown), CHUNK):
            part = unknown[start : start + CHUNK]
            self._known |= dict(
                zip(part, self._encoded([spoken(self.pipeline, self.tokenizer, t) for t in part]), strict=True)
            )
        return torch.stack([self._known[text] for text in texts])

    def _unknown(self, texts: Sequence[str]) -> list[str]:
        return sorted({text for text in texts if text not in self._known}, key=lambda text: (len(text), text))

    @torch.no_grad()
    def _encoded(self, texts: list[str]) -> torch.Tensor:
        limit = self.tokenizer.model_max_length
        ids = self.tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt").input_ids
        return self.pooled(self.encoder(ids.to(self.encoder.device))).float()


def spoken(pipeline: Any, tokenizer: Any, text: str) -> str:
    """A text as the pipeline gives it to the tokenizer: a textual inversion of several vectors is several tokens."""
    added = set(tokenizer.added_tokens_encoder) - set(tokenizer.all_special_tokens)
    if not added or not hasattr(pipeline, "maybe_convert_prompt"):
        return text
    converted: str = pipeline.maybe_convert_prompt(text, tokenizer)
    return converted


def visible(pipeline: Any, tokenizer: Any, text: str, limit: int) -> str:
    """The part of a text that fits into ``limit`` tokens, its ends included; the last word may be cut."""

    def length(words: Sequence[str]) -> int:
        return len(tokenizer(spoken(pipeline, tokenizer, " ".join(words))).input_ids)

    words = text.split()
    if length(words) <= limit:
        return text
    fits, too_long = 0, len(words)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        fits, too_long = (middle, too_long) if length(words[:middle]) <= limit else (fits, middle)
    room = limit - length(words[:fits])
    rest = tokenizer(words[fits], add_special_tokens=False).input_ids[:room]
    piece = tokenizer.decode(rest).strip() if room > 0 else ""
    return " ".join([*words[:fits], piece]).strip()
