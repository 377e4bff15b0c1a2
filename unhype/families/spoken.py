"""A text as its pipeline reads it: with a textual inversion's tokens, and no further than the encoder goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def spoken(pipeline: Any, tokenizer: Any, texts: Sequence[str]) -> list[str]:
    """Texts as the pipeline gives them to the tokenizer: a textual inversion of several vectors is several tokens."""
    added = set(tokenizer.added_tokens_encoder) - set(tokenizer.all_special_tokens)
    if not added or not hasattr(pipeline, "maybe_convert_prompt"):
        return list(texts)
    return [pipeline.maybe_convert_prompt(text, tokenizer) for text in texts]


def visible(pipeline: Any, tokenizer: Any, text: str, limit: int) -> str:
    """The part of a text that fits into ``limit`` tokens, its ends included; the last word may be cut."""

    def length(words: Sequence[str]) -> int:
        return len(tokenizer(spoken(pipeline, tokenizer, [" ".join(words)])[0]).input_ids)

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
