"""The vectors of many short texts from T5: the mean of each text's token states, each computed once.

T5 looks both ways, so texts share nothing that could be computed once, and padding would be looked at like a word: a
text is read at its own length, beside others of that length. Passes of one length have one shape, whatever is asked
for, so that the arithmetic of a text does not depend on its company.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import torch

from unhype.families.clip_text import REMEMBERED
from unhype.families.learnt import Watched

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, T5EncoderModel

ROWS, TOKENS = 16, 512
"""The most rows of one pass, and the most tokens of a pass of several rows."""


class T5Texts:
    """Texts → vectors, through one tokenizer and one encoder.

    A text's vector is the mean of its tokens' states. The token that ends it is left out; of the empty text it is all
    that there is.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, encoder: T5EncoderModel, most: int) -> None:
        """Take a pair that belongs together; longer texts are cut at ``most`` tokens."""
        self.tokenizer, self.encoder, self.most = tokenizer, encoder, most
        self._watched, self._memory = Watched(), _Memory()

    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """Vectors of texts, float32 ``[n, d]``, on the encoder's device."""
        device = self.encoder.device
        if not texts:
            return torch.empty(0, self.encoder.config.d_model, device=device)
        if self._watched.changed(self.tokenizer, self.encoder):
            self._memory = _Memory()
        if self._full(texts):
            self._watched.forget()
            self._memory = _Memory()
        memory = self._memory
        if fresh := sorted(set(texts) - memory.ids.keys()):
            told = self.tokenizer(fresh, truncation=True, max_length=self.most).input_ids
            memory.ids |= zip(fresh, told, strict=True)
        if self._watched.rewritten(self.encoder, chain.from_iterable(memory.ids[text] for text in set(texts))):
            memory.vectors = {}
        if unknown := sorted(set(texts) - memory.vectors.keys()):
            ids = [memory.ids[text] for text in unknown]
            for part in _alike(ids):
                vectors = self._pass([ids[i] for i in part], device)
                memory.vectors |= zip((unknown[i] for i in part), vectors, strict=True)
        return torch.stack([memory.vectors[text] for text in texts])

    def _full(self, texts: Sequence[str]) -> bool:
        return len(self._memory.vectors) + len(set(texts)) > REMEMBERED

    def _pass(self, ids: Sequence[Sequence[int]], device: torch.device) -> torch.Tensor:
        """Texts of one length; the last stands in for those that are missing."""
        length = len(ids[0])
        rows = torch.tensor([*ids, *[ids[-1]] * (_rows(length) - len(ids))], device=device)
        states = self.encoder(input_ids=rows).last_hidden_state[: len(ids), : max(1, length - 1)]
        return states.float().mean(1).to(device)


@dataclass
class _Memory:
    """What was computed, and the tokens that it was computed from."""

    ids: dict[str, list[int]] = field(default_factory=dict)
    vectors: dict[str, torch.Tensor] = field(default_factory=dict)


def _rows(length: int) -> int:
    return max(1, min(ROWS, TOKENS // length))


def _alike(ids: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Places of texts of one length, as many as a pass takes."""
    for length in sorted({len(each) for each in ids}):
        places = [i for i, each in enumerate(ids) if len(each) == length]
        rows = _rows(length)
        yield from (places[i : i + rows] for i in range(0, len(places), rows))
