"""A text as its pipeline reads it: with a textual inversion's tokens, and no further than the encoder goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


class Parted(str):
    """A text that has added tokens in it: each is a word, whatever signs are in its name and wherever it stands.

    Attributes:
        parts: the text in pieces, of which every second is an added token.
    """

    parts: tuple[str, ...]

    def __new__(cls, parts: Sequence[str]) -> Parted:
        text = super().__new__(cls, "".join(parts))
        text.parts = tuple(parts)
        return text

    def __reduce__(self) -> tuple[type[Parted], tuple[tuple[str, ...]]]:
        """For copies: it would be made anew of its text alone."""
        return Parted, (self.parts,)


def parted(text: str, *tokenizers: Any) -> str:
    """The text, which knows where the tokens are that were added to any of the tokenizers; as it is if there are none.

    The tokenizer itself is asked: it finds an added token inside a word, and in capitals.
    """
    parts = [text]
    for tokenizer in tokenizers:
        if ids := added(tokenizer):
            parts = [
                piece
                for i, part in enumerate(parts)
                for piece in ([part] if i % 2 else _pieces(part, tokenizer, set(ids.values())))
            ]
    return Parted(parts) if len(parts) > 1 else text


def _pieces(text: str, tokenizer: Any, ids: set[int]) -> Iterator[str]:
    told, end = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True), 0
    for token, (first, behind) in zip(told.input_ids, told.offset_mapping, strict=True):
        if token in ids:
            yield text[end:first]
            yield text[first:behind]
            end = behind
    yield text[end:]


def added(tokenizer: Any) -> dict[str, int]:
    """Token → its number, of those that were added to a tokenizer, as a textual inversion is."""
    special = set(tokenizer.all_special_tokens)
    return {token: i for token, i in tokenizer.added_tokens_encoder.items() if token not in special}


def spoken(pipeline: Any, tokenizer: Any, texts: Sequence[str]) -> list[str]:
    """Texts as the pipeline gives them to the tokenizer: a textual inversion of several vectors is several tokens."""
    if not added(tokenizer) or not hasattr(pipeline, "maybe_convert_prompt"):
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
