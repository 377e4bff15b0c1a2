"""A text whose words have a gradient: its tokens' vectors are numbers that may change, all else is the encoder's own.

The gradient with respect to a token's one-hot row is that of its vector, times the table of all vectors (HotFlip,
Ebrahimi et al. 2018; GCG, Zou et al. 2023): it says which other token would lower the objective.

Shapes: L tokens of the text, V of the vocabulary, t of the encoder, d width of the states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.families.text import Text


def check_open_text(family: Family | type[Family]) -> None:
    """Refuse a family whose text goes another way than through a single CLIP.

    Raises:
        UnhypeError: it has more encoders; what can be done there is said.
    """
    if len(family.encoders) != 1:
        names = " and ".join(name for name, _ in family.encoders)
        raise UnhypeError(
            f"got a base of the family {family.name}, whose text goes through {names}, wanted one with a single text "
            "encoder: token gradients are had of no other; attack it by --method pictures or disguises"
        )


class SoftText:
    """One text of plain words, each cut into tokens.

    Attributes:
        leaf: the tokens' vectors, which have the gradient, ``[L, d]``.
        table: those of all tokens, ``[V, d]``.
    """

    def __init__(self, family: Family, text: str) -> None:
        self.family, (encoder, tokenizer) = family, family.encoders[0]
        self.encoder: Any = getattr(family.pipeline, encoder)
        self.tokenizer: Any = getattr(family.pipeline, tokenizer)
        self.words = text.split()
        tokens = [self.tokenizer(word, add_special_tokens=False).input_ids for word in self.words]
        self.ends = [0]
        for each in tokens:
            self.ends.append(self.ends[-1] + len(each))
        self.ids: list[int] = [token for each in tokens for token in each]
        self.table: torch.Tensor = self.encoder.get_input_embeddings().weight.detach()
        self.leaf = self.table[self.ids].clone().requires_grad_()

    def text(self) -> Text:
        """As :meth:`unhype.families.family.Family.encode` gives it, one row."""
        length = min(self.tokenizer.model_max_length, self.encoder.config.max_position_embeddings)
        states = self._states([range(len(self.ids))], length, int(self.tokenizer.pad_token_id))
        return Text(states.to(self.family.dtype))

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """c as :meth:`unhype.families.family.Family.vectors` gives it, float32 ``[n, d]``.

        Of phrases of this text, and of what is left of it, or of a part of it, without one.
        """
        pieces = [self._tokens(text) for text in texts]
        if not pieces:
            return torch.empty(0, self.table.shape[1], device=self.table.device)
        longest = max(map(len, pieces)) + 2
        states = self._states(pieces, longest, int(self.tokenizer.eos_token_id))
        ends = torch.tensor([len(tokens) + 1 for tokens in pieces], device=states.device)
        return states[torch.arange(len(pieces), device=states.device), ends].float()

    def gradient(self) -> torch.Tensor:
        """Of the one-hot rows, ``[L, V]``, after the backward pass."""
        assert self.leaf.grad is not None
        return self.leaf.grad @ self.table.T

    def _tokens(self, text: str) -> list[int]:
        """Places of a text's tokens among this one's: of words in a row, or in a row but for a gap."""
        words, n = text.split(), len(self.words)
        for gap in range(n - len(words) + 1):  # words that are left out
            for i in range(n - len(words) - gap + 1):  # the first of them that is said
                for k in range(len(words) if gap else 0, -1, -1):  # how many stand before the gap
                    if [*self.words[i : i + k], *self.words[i + k + gap : i + gap + len(words)]] == words:
                        cut = (*range(self.ends[i], self.ends[i + k]),)
                        return [*cut, *range(self.ends[i + k + gap], self.ends[i + gap + len(words)])]
        raise ValueError(f"got {text!r}, wanted words that stand in {' '.join(self.words)!r} with one gap at most")

    def _states(self, pieces: Sequence[Sequence[int]], length: int, padding: int) -> torch.Tensor:
        """Last states of the encoder, ``[n, length, d]``, for some of the tokens each between start and end."""
        start, end = int(self.tokenizer.bos_token_id), int(self.tokenizer.eos_token_id)
        ids = torch.full((len(pieces), length), padding, device=self.table.device)
        for row, tokens in zip(ids, pieces, strict=True):
            row[: len(tokens) + 2] = torch.tensor([start, *(self.ids[token] for token in tokens), end])
        rows = []
        for tokens, row in zip(pieces, self.table[ids], strict=True):
            rows.append(torch.cat([row[:1], self.leaf[list(tokens)], row[len(tokens) + 1 :]]))
        with _reading(self.encoder, torch.stack(rows)):
            states: torch.Tensor = self.encoder(ids).last_hidden_state
        return states


@contextmanager
def _reading(encoder: Any, vectors: torch.Tensor) -> Iterator[None]:
    """The encoder reads these vectors in place of its tokens' own."""
    handle = encoder.get_input_embeddings().register_forward_hook(lambda layer, inputs, output: vectors)
    try:
        yield
    finally:
        handle.remove()
