"""The words of a base: who brings learned vectors, beside them or over them, is refused.

Textual inversion learns a person's likeness into the vectors of a few tokens. A reader of words knows what such tokens
come near to, not what the denoiser will make of them: docs/experiments/attacks.md says how much that lets through. So a
prompt may have no token that was added to a tokenizer, and none whose vector is another by now than it was when the
vocabulary was written down.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch

from unhype.errors import UnhypeError
from unhype.families.spoken import added, spoken

if TYPE_CHECKING:
    from unhype.families.family import Family

SHADOWS = 8
"""Numbers that are kept of each vector: its products with as many random ones."""

ROUNDED = 2**-5
"""Share of its length by which a vector may move: far more than bf16 rounds, far less than a person takes."""

AT_ONCE = 4096
"""Vectors whose shadows are computed at a time: a table in float32 may be as large as an encoder."""

ADVICE = (
    "learned vectors can hold whom a guard forgets. Take them out of the pipeline, or load the guard with "
    "inversions=True, which reads them as far as words go"
)


class Vocabulary:
    """Tokens and vectors of a family's text encoders, as they were when this was made."""

    def __init__(self, family: Family) -> None:
        self._noted = {encoder: _Noted.of(_table(family, encoder)) for encoder, _ in _pairs(family)}

    def check(self, family: Family, texts: Sequence[str]) -> None:
        """Refuse texts with learned tokens.

        A table that is elsewhere (offloaded layer by layer) cannot be looked at: there only added tokens are refused.

        Raises:
            UnhypeError: a token was added to the tokenizer, or its vector is another than it was.
        """
        for encoder, of in _pairs(family):
            tokenizer = getattr(family.pipeline, of)
            if not texts:
                continue
            ids = set(chain.from_iterable(tokenizer(spoken(family.pipeline, tokenizer, texts)).input_ids))
            if learned := sorted(token for token, i in added(tokenizer).items() if i in ids):
                raise UnhypeError(
                    f"got the learned token {learned[0]!r} in a prompt, wanted words of the base's own {of}: {ADVICE}"
                )
            if tokenizer.pad_token_id is not None:  # it stands behind each text, and the denoiser reads it
                ids.add(tokenizer.pad_token_id)
            noted, table = self._noted[encoder], _table(family, encoder)
            if noted and (moved := noted.moved(table, sorted(ids))):
                raise UnhypeError(
                    f"got another vector of the token {tokenizer.decode(moved[:1]).strip()!r} in {encoder} than "
                    f"it had when the guard was attached, wanted the base's own: {ADVICE}"
                )


@dataclass(frozen=True)
class _Noted:
    """What was written down of a table of V vectors.

    Attributes:
        random: ``[d, SHADOWS]``.
        shadows: ``[V, SHADOWS]``.
        room: by how much each may differ, ``[V]``.
    """

    random: torch.Tensor
    shadows: torch.Tensor
    room: torch.Tensor

    @classmethod
    def of(cls, table: torch.Tensor) -> _Noted | None:
        """None where the table cannot be looked at."""
        if not _is_here(table):
            return None
        # Nobody outside of this process knows which vectors have the same shadows.
        generator = torch.Generator("cpu").manual_seed(secrets.randbits(63))
        random = torch.randn(table.shape[1], SHADOWS, generator=generator).to(table.device)
        shadows, room = [], []
        for part in map(torch.Tensor.float, table.split(AT_ONCE)):
            shadows.append((part @ random).cpu())
            room.append(ROUNDED * part.norm(dim=1).cpu())
        return cls(random.cpu(), torch.cat(shadows), torch.cat(room))

    def moved(self, table: torch.Tensor, ids: Sequence[int]) -> list[int]:
        """Those of these tokens whose vector is another."""
        if not _is_here(table):
            return []
        known = torch.tensor([i for i in ids if i < min(len(table), len(self.room))], dtype=torch.long)
        now = table[known.to(table.device)].float().cpu()
        off = (now @ self.random - self.shadows[known]).abs().amax(1)
        moved: list[int] = known[~(off <= self.room[known])].tolist()  # what is no number has moved, too
        return moved


def _pairs(family: Family) -> Iterator[tuple[str, str]]:
    """Names of the text encoders that look tokens up in a table, and of their tokenizers; a family may have others."""
    for encoder, tokenizer in family.encoders:
        here = getattr(family.pipeline, encoder, None), getattr(family.pipeline, tokenizer, None)
        if hasattr(here[0], "get_input_embeddings") and here[1] is not None:
            yield encoder, tokenizer


def _table(family: Family, encoder: str) -> torch.Tensor:
    weight: Any = getattr(family.pipeline, encoder).get_input_embeddings().weight
    table: torch.Tensor = weight.detach()
    return table


def _is_here(table: torch.Tensor) -> bool:
    return not table.is_meta and table.is_floating_point()
