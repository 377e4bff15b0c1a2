"""A text whose words have a gradient: its tokens' vectors are numbers that may change, all else is the encoders' own.

The gradient with respect to a token's one-hot row is that of its vector, times the table of all vectors (HotFlip,
Ebrahimi et al. 2018; GCG, Zou et al. 2023): it says which other token would lower the objective. Every text encoder
cuts the text into tokens of its own, and has a gradient of its own.

Shapes: L tokens of the text, V of the vocabulary, d width of the states.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from unhype.families.family import Family
from unhype.families.text import Text


class SoftTokens:
    """The tokens of some words, as one text encoder reads them.

    Attributes:
        ids: the tokens, L of them.
        ends: where each word's tokens end, behind a 0.
        leaf: the tokens' vectors, which have the gradient, ``[L, d]``.
        table: those of all tokens, ``[V, d]``.
    """

    def __init__(self, encoder: Any, tokenizer: Any, words: Sequence[str]) -> None:
        self.encoder, self.tokenizer = encoder, tokenizer
        *self.before, self.end = (int(token) for token in tokenizer("").input_ids)
        self.ids: list[int] = []
        self.ends = [0]
        for word in words:
            self.ids += tokenizer(word, add_special_tokens=False).input_ids
            self.ends.append(len(self.ids))
        self.table: torch.Tensor = encoder.get_input_embeddings().weight.detach()
        self.leaf = self.table[self.ids].clone().requires_grad_()

    def gradient(self) -> torch.Tensor:
        """Of the one-hot rows, ``[L, V]``, after the backward pass."""
        assert self.leaf.grad is not None
        return self.leaf.grad @ self.table.T

    @contextmanager
    def read(self) -> Iterator[None]:
        """The encoder reads these tokens, whatever single text it is given."""

        def swapped(_encoder: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            ids, vectors = self._rows([range(len(self.ids))], inputs[0].shape[1], int(self.tokenizer.pad_token_id))
            stack.enter_context(_embedded(self.encoder, vectors))
            return (ids, *inputs[1:])

        with ExitStack() as stack:
            stack.callback(self.encoder.register_forward_pre_hook(swapped).remove)
            yield

    def pooled(self, pieces: Sequence[Sequence[int]]) -> torch.Tensor:
        """The vector of each piece, some places of tokens: its end token's last state, float32 ``[n, d]``.

        Projected where the encoder projects.
        """
        ids, vectors = self._rows(pieces, max(map(len, pieces)) + len(self.before) + 1, self.end)
        with _embedded(self.encoder, vectors):
            states: torch.Tensor = self.encoder(ids).last_hidden_state
        ends = torch.tensor([len(self.before) + len(places) for places in pieces], device=states.device)
        found = states[torch.arange(len(pieces), device=states.device), ends]
        projection = getattr(self.encoder, "text_projection", None)
        return (found if projection is None else projection(found)).float()

    def _rows(self, pieces: Sequence[Sequence[int]], length: int, padding: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids ``[n, length]`` and vectors ``[n, length, d]`` of pieces, each between what begins and ends a text."""
        first = len(self.before)
        ids = torch.full((len(pieces), length), padding, device=self.table.device)
        for row, places in zip(ids, pieces, strict=True):
            framed = [*self.before, *(self.ids[place] for place in places), self.end]
            row[: len(framed)] = torch.tensor(framed)
        rows = [
            torch.cat([row[:first], self.leaf[list(places)], row[first + len(places) :]])
            for places, row in zip(pieces, self.table[ids], strict=True)
        ]
        return ids, torch.stack(rows)


@contextmanager
def _embedded(encoder: Any, vectors: torch.Tensor) -> Iterator[None]:
    """The encoder reads these vectors in place of its tokens' own."""
    table = encoder.get_input_embeddings().weight
    with ExitStack() as stack:
        for layer in encoder.modules():  # T5 has several that share one table, and asks another than it names
            if getattr(layer, "weight", None) is table:
                stack.callback(layer.register_forward_hook(lambda layer, inputs, output: vectors).remove)
        yield


class SoftText:
    """One text of plain words.

    Attributes:
        parts: its tokens, as each of the family's text encoders reads them.
    """

    def __init__(self, family: Family, text: str) -> None:
        self.family, self.words = family, text.split()
        pairs = [[getattr(family.pipeline, name) for name in pair] for pair in family.encoders]
        self.parts = [SoftTokens(encoder, tokenizer, self.words) for encoder, tokenizer in pairs]
        # c is made by the encoder that projects its pooled vector, or by the first: every family does it so.
        self._pooling = next((part for part in self.parts if hasattr(part.encoder, "text_projection")), self.parts[0])

    def text(self) -> Text:
        """As :meth:`unhype.families.family.Family.encode` gives it, one row."""
        with ExitStack() as stack:
            for part in self.parts:
                stack.enter_context(part.read())
            encoded: Text = inspect.unwrap(type(self.family).encode)(self.family, [" ".join(self.words)])
        return encoded

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """c as :meth:`unhype.families.family.Family.vectors` gives it, float32 ``[n, d]``.

        Of phrases of this text, and of what is left of it, or of a part of it, without one.
        """
        if not texts:
            return torch.empty(0, self.family.width, device=self._pooling.table.device)
        return self._pooling.pooled([self._places(text) for text in texts])

    def gradients(self) -> list[torch.Tensor]:
        """Of each encoder's one-hot rows, ``[L, V]``, after the backward pass."""
        return [part.gradient() for part in self.parts]

    def _places(self, text: str) -> list[int]:
        """Places of a text's tokens among this one's: of words in a row, or in a row but for a gap."""
        words, n, ends = text.split(), len(self.words), self._pooling.ends
        for gap in range(n - len(words) + 1):  # words that are left out
            for i in range(n - len(words) - gap + 1):  # the first of them that is said
                for k in range(len(words) if gap else 0, -1, -1):  # how many stand before the gap
                    if [*self.words[i : i + k], *self.words[i + k + gap : i + gap + len(words)]] == words:
                        return [*range(ends[i], ends[i + k]), *range(ends[i + k + gap], ends[i + gap + len(words)])]
        raise ValueError(f"got {text!r}, wanted words that stand in {' '.join(self.words)!r} with one gap at most")
