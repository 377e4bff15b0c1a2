"""The vectors of many short texts from a CLIP text encoder, fast: what texts begin with is computed once.

CLIP's text attention looks back only, so a token's state depends on nothing that comes after it, and texts that begin
alike share the states of their beginning. The texts are put in the order of their tokens, and each adds to a row only
the tokens in which it differs from the one before it. A mask lets every token see its own text alone, and the end
token of each is read where it lies. Of a sentence's padded phrases a tenth is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise, takewhile
from typing import TYPE_CHECKING

import numpy as np
import torch

from unhype.errors import UnhypeError
from unhype.families.learnt import Watched

if TYPE_CHECKING:
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, PreTrainedTokenizerBase

REMEMBERED = 16_384
"""Texts whose vectors are kept at hand, and words whose tokens are; the same phrases come again and again."""

ROW = 64
"""Tokens of a row, if the encoder takes as many: attention costs their square, a row more its padding."""

SLACK = 6
"""Tokens that a row may have beyond its even share: texts are not cut in two."""

AT_ONCE = 64
"""Rows of one pass through the encoder."""

PROBE = "It's 2 people, née Ng-Lee!"
"""A text with everything at which a tokenizer could cut otherwise than at the blanks."""


class ClipTexts:
    """Texts → vectors, through one tokenizer and one encoder; each is computed once.

    A text's vector is what the encoder itself gives for it: its end token's last state, projected where the encoder
    projects.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, encoder: CLIPTextModel | CLIPTextModelWithProjection
    ) -> None:
        """Take a pair that belongs together.

        Raises:
            UnhypeError: an encoder whose attention takes no mask, or whose end token is not the tokenizer's.
        """
        self.tokenizer, self.encoder = tokenizer, encoder
        config = encoder.config
        attention = getattr(config, "_attn_implementation", "eager")
        if attention not in ("eager", "sdpa"):
            raise UnhypeError(
                f"got a text encoder with {attention} attention, wanted sdpa or eager: load it with attn_implementation"
            )
        # 2 stands in configurations of old: their encoders take the token with the highest number for the end.
        self._end = None if config.eos_token_id == 2 else config.eos_token_id
        if self._end not in (None, tokenizer.eos_token_id):
            raise UnhypeError(
                f"got a text encoder that ends texts with token {self._end} and a tokenizer that ends them with "
                f"{tokenizer.eos_token_id}, wanted a pair that belongs together"
            )
        self._limit = min(tokenizer.model_max_length, config.max_position_embeddings)
        self._watched, self._memory = Watched(), _Memory()

    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """Vectors of texts, float32 ``[n, d]``, on the encoder's device; longer texts are cut at its limit."""
        device = self.encoder.device
        if not texts:
            projection = getattr(self.encoder, "text_projection", None)
            width = self.encoder.config.hidden_size if projection is None else projection.out_features
            return torch.empty(0, width, device=device)
        if self._watched.changed(self.tokenizer, self.encoder):
            self._memory = _Memory()  # whatever becomes of the next line, nothing of before is left
            self._memory = _Memory(_cuts_at_blanks(self.tokenizer))
        memory = self._memory
        ids = self._tokens(memory, sorted(set(texts)))
        if len(memory.vectors.keys() | ids.keys()) > REMEMBERED:
            self._watched.forget()
            memory.vectors = {}
        if self._watched.rewritten(self.encoder, chain.from_iterable(ids.values())):
            memory.vectors = {}
        if order := sorted(ids.keys() - memory.vectors.keys(), key=lambda text: (ids[text], text)):
            memory.vectors |= dict(zip(order, self._encode([ids[text] for text in order], device), strict=True))
        return torch.stack([memory.vectors[text] for text in texts])

    def _tokens(self, memory: _Memory, texts: Sequence[str]) -> dict[str, list[int]]:
        """Each text's tokens from start to end, put together from its words' where the tokenizer cuts at blanks."""
        parts = {text: text.split(" ") if memory.by_word else [text] for text in texts}
        if len(memory.words) > REMEMBERED:
            memory.words = {}
        words = memory.words
        if fresh := sorted({word for each in parts.values() for word in each} - words.keys()):
            tokens = self.tokenizer(fresh, add_special_tokens=False, truncation=True, max_length=self._limit).input_ids
            words |= dict(zip(fresh, tokens, strict=True))
        start, end, most = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id, self._limit - 2
        found = {}
        for text, each in parts.items():
            ids = [start, *[token for word in each for token in words[word]][:most], end]
            found[text] = ids[: ids.index(max(ids) if self._end is None else self._end) + 1]
        return found

    def _encode(self, texts: Sequence[Sequence[int]], device: torch.device) -> torch.Tensor:
        """Vectors of texts in the order of their tokens."""
        rows = list(_rows(texts, self.encoder.config.max_position_embeddings))
        return torch.cat([self._pass(rows[i : i + AT_ONCE], device) for i in range(0, len(rows), AT_ONCE)])

    def _pass(self, rows: Sequence[_Row], device: torch.device) -> torch.Tensor:
        """One pass through the encoder, and the vectors of the rows' texts one after the other."""
        length = max(len(row.ids) for row in rows)
        ids, places = np.zeros((2, len(rows), length), dtype=np.int64)
        hidden = np.ones((len(rows), length, length), dtype=bool)
        hidden[:, np.arange(length), np.arange(length)] = False  # padding sees itself, since it must see something
        for i, row in enumerate(rows):
            ids[i, : len(row.ids)], places[i, : len(row.ids)] = row.ids, row.places
            hidden[i].reshape(-1)[np.array(row.seeing) * length + np.array(row.seen)] = False
        dtype = self.encoder.dtype
        mask = torch.zeros(hidden.shape, dtype=dtype).masked_fill_(torch.from_numpy(hidden), torch.finfo(dtype).min)
        states = self.encoder(
            input_ids=torch.from_numpy(ids).to(device),
            position_ids=torch.from_numpy(places).to(device),
            attention_mask=mask[:, None].to(device),
        ).last_hidden_state
        ends = torch.tensor([i * length + end for i, row in enumerate(rows) for end in row.ends], device=states.device)
        vectors = states.flatten(0, 1)[ends]
        projection = getattr(self.encoder, "text_projection", None)
        return (vectors if projection is None else projection(vectors)).float().to(device)


@dataclass
class _Memory:
    """What was computed, and whether the tokenizer cuts at blanks."""

    by_word: bool = False
    vectors: dict[str, torch.Tensor] = field(default_factory=dict)
    words: dict[str, list[int]] = field(default_factory=dict)


@dataclass
class _Row:
    """Texts that share their beginnings.

    Attributes:
        ids: tokens.
        places: each token's place in its text.
        ends: where the end token of each text lies.
        seeing, seen: pairs of tokens of which the first sees the second.
    """

    ids: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    seeing: list[int] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)


def _rows(texts: Sequence[Sequence[int]], most: int) -> Iterator[_Row]:
    """Rows of at most so many tokens for texts in the order of their tokens, filled evenly."""
    shared = [0, *(_common(one, other) for one, other in pairwise(texts))]
    total = sum(map(len, texts)) - sum(shared)
    room = min(most, -(-total // -(-total // min(ROW, most))) + SLACK)
    row, path = _Row(), list[int]()  # the row being filled, and where the tokens of its last text lie
    for ids, common in zip(texts, shared, strict=True):
        if row.ids and len(row.ids) + len(ids) - common > room:
            yield row
            row, path = _Row(), []
        path = path[: min(common, len(path))]
        for place in range(len(path), len(ids)):
            path.append(len(row.ids))
            row.ids.append(ids[place])
            row.places.append(place)
            row.seeing += [path[-1]] * len(path)
            row.seen += path
        row.ends.append(path[-1])
    if row.ids:
        yield row


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _cuts_at_blanks(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a text's tokens are those of its words: no byte pair reaches across a blank, but an added token may."""
    if any(" " in token.content or token.lstrip or token.rstrip for token in tokenizer.added_tokens_decoder.values()):
        return False
    whole, *words = tokenizer([PROBE, *PROBE.split(" ")], add_special_tokens=False).input_ids
    return bool(whole == [token for word in words for token in word])
