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
        states = self._states([(0, len(self.ids))], length, int(self.tokenizer.pad_token_id))
        return Text(states.to(self.family.dtype))

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """c of phrases of this text, as :meth:`unhype.families.family.Family.vectors` gives it, float32 ``[n, d]``."""
        spans = [self._span(text) for text in texts]
        if not spans:
            return torch.empty(0, self.table.shape[1], device=self.table.device)
        longest = max(end - start for start, end in spans) + 2
        states = self._states(spans, longest, int(self.tokenizer.eos_token_id))
        ends = torch.tensor([end - start + 1 for start, end in spans], device=states.device)
        return states[torch.arange(len(spans), device=states.device), ends].float()

    def gradient(self) -> torch.Tensor:
        """Of the one-hot rows, ``[L, V]``, after the backward pass."""
        assert self.leaf.grad is not None
        return self.leaf.grad @ self.table.T

    def _span(self, text: str) -> tuple[int, int]:
        words = text.split()
        for i in range(len(self.words) - len(words) + 1):
            if self.words[i : i + len(words)] == words:
                return self.ends[i], self.ends[i + len(words)]
        raise ValueError(f"got {text!r}, wanted words that stand in a row in {' '.join(self.words)!r}")

    def _states(self, spans: Sequence[tuple[int, int]], length: int, padding: int) -> torch.Tensor:
        """Last states of the encoder, ``[n, length, d]``, for pieces of the tokens between start and end."""
        start, end = int(self.tokenizer.bos_token_id), int(self.tokenizer.eos_token_id)
        ids = torch.full((len(spans), length), padding, device=self.table.device)
        for row, (i, j) in zip(ids, spans, strict=True):
            row[: j - i + 2] = torch.tensor([start, *self.ids[i:j], end])
        rows = []
        for (i, j), row in zip(spans, self.table[ids], strict=True):
            rows.append(torch.cat([row[:1], self.leaf[i:j], row[j - i + 1 :]]))
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
