"""Rows of text, recognised by their content: who asked for each, and what it says to the adapters.

A row is what one picture's prompt becomes: token states, and where a family has it a pooled vector. Adapters belong to
rows, so a row may come in any order and number, twice, or in another pipeline's call.

A negative prompt has no adapters in the unconditional place of guidance. In any other place it is read like a prompt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import nn

from unhype.adapters.looking import Drawn, Opinion, Seen
from unhype.adapters.lora import Factors
from unhype.adapters.sites import Site
from unhype.errors import UnhypeError

Texts = tuple[str, ...]
"""What one picture is asked for: one text, or one for each text encoder where they differ."""

Rows = tuple[torch.Tensor, ...]
"""Encoded text as the denoiser gets it, by route: token states ``[n, t, d]``, in some families pooled ``[n, p]``."""


@dataclass(frozen=True)
class Asked:
    """What a call of ``encode_prompt`` asks for.

    Attributes:
        prompts: of the pictures; None if embeddings came in their place.
        negatives: what they are guided away from; None if there is nothing, or embeddings.
    """

    prompts: Sequence[Texts] | None
    negatives: Sequence[Texts] | None = None


class Watchable(Protocol):
    """What a model family says of its pipelines."""

    pipeline: Any

    @property
    def part(self) -> str:
        """The denoiser's name in the pipeline."""
        ...

    @property
    def frozen(self) -> Sequence[str]:
        """Names of the parts that must not be exchanged: denoiser, text encoders, tokenizers."""
        ...

    @property
    def denoiser(self) -> nn.Module: ...
    @property
    def sites(self) -> Sequence[Site]: ...

    @property
    def text_layers(self) -> Sequence[Site]:
        """The layers that read token states as they come."""
        ...

    @property
    def pooled_layers(self) -> Sequence[Site]:
        """The layers that read the pooled vector as it comes, first of all that they read."""
        ...

    def asked(self, arguments: Mapping[str, Any], turn: int) -> Asked:
        """From the arguments of ``encode_prompt``; ``turn`` counts its calls before the denoiser's first."""
        ...

    def encoded(self, result: Any) -> tuple[Rows, Rows | None]:
        """From what ``encode_prompt`` returned: rows of the prompts, and of the negative ones."""
        ...

    def text_in(self, arguments: Mapping[str, Any]) -> Rows:
        """From the arguments of a call of the denoiser."""
        ...

    @property
    def drawn_from(self) -> Sequence[str]:
        """The arguments of a call of the denoiser that :meth:`drawn_in` reads."""
        ...

    def drawn_in(self, arguments: Mapping[str, Any], output: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """From a call of the denoiser: z_0 as each row is being drawn, and the times."""
        ...

    def share_of(self, times: torch.Tensor) -> torch.Tensor:
        """How far into the noise times are, 0 … 1."""
        ...


Read = Callable[[Any, Sequence[Texts]], Sequence[Any]]
"""(Family, texts) → what each says, in whatever form ``emit`` and the second opinion read.

This and :data:`Emit` are plain functions, not methods: a copy of a pipeline calls them with the copy's own family.
"""

Emit = Callable[[Any, Sequence[Any]], Mapping[str, Factors]]
"""(Family, what was read, none of it silent) → site name → one adapter for each."""

Silent = Callable[[Any], bool]
"""Whether what was read says nothing to the adapters: the denoiser stays as it is."""


def is_none(said: Any) -> bool:
    """The plainest way of saying nothing."""
    return said is None


@dataclass
class Reader:
    """How a pipeline's prompts are read and answered, and who looks at what is drawn."""

    family: Watchable
    read: Read
    emit: Emit
    opinion: Opinion | None = None
    silent: Silent = is_none


@dataclass
class Row:
    """A row of text that somebody asked for.

    Attributes:
        texts: what it was made of; nothing if it came encoded, as a negative prompt.
        reader: of the pipeline that made it.
        negative: whether it may stand in the unconditional place.
        reading: what it says, if it is known already.
    """

    texts: Texts
    reader: Reader
    negative: bool = False
    reading: Any = None
    known: bool = False

    def said(self) -> Any:
        """What it says; it is read once.

        Raises:
            UnhypeError: nobody knows its text.
        """
        if not self.known:
            if not self.texts:
                raise UnhypeError(
                    "got negative prompt embeddings in the place of a prompt, wanted the prompt itself: "
                    "a guarded pipeline must read what it draws"
                )
            self.reading, self.known = self.reader.read(self.reader.family, [self.texts])[0], True
        return self.reading


@dataclass
class Scope:
    """One call of a pipeline: the rows that it has made, and where it is.

    Attributes:
        width: pictures that are drawn at a time.
        turn: calls of ``encode_prompt`` before the denoiser's first.
        apart: whether guidance calls the denoiser a second time, with the negative prompts alone.
        drawing: whether the denoiser has been called.
        before: time of the denoiser's last call, and whether that was the conditional one.
        seen: what was seen in its pictures when they were drawn before.
        finishes: whether it goes on where some pictures show something, for the others.
        found: what was seen, before and in this call.
        drawn: by the last call with prompts, where it was not time to look.
        looked: how far into the noise the second opinion has looked; None until then.
        attention: the denoiser's processors, as they were when the call began.
    """

    reader: Reader
    seen: Seen = field(default_factory=dict)
    finishes: bool = False
    found: Seen = field(default_factory=dict)
    rows: dict[bytes, Row] = field(default_factory=dict)
    width: int = 0
    turn: int = 0
    apart: bool = False
    drawing: bool = False
    before: tuple[Any, bool] | None = None
    drawn: Drawn | None = None
    looked: float | None = None
    attention: Mapping[str, Any] = field(default_factory=dict)

    def unconditional(self, n: int, time: Any) -> int:
        """How many leading rows of n are the unconditional part of guidance, by the pipeline's own account.

        A batch is [unconditional, conditional], and a third part where attention is perturbed. With two calls a step
        the second, at the same time as the first, is unconditional as a whole.
        """
        if self.apart:
            return n if self.before == (_number(time), True) else 0
        pipeline = self.reader.family.pipeline
        guided = getattr(pipeline, "do_classifier_free_guidance", None)
        if guided is None:  # a pipeline that does not say
            return self.width if n > self.width > 0 and n % self.width == 0 else 0
        parts = 2 + bool(getattr(pipeline, "do_perturbed_attention_guidance", False))
        return n // parts if guided and n % parts == 0 else 0

    def picture(self, row: int, rows: int) -> int:
        """Which picture a conditional row is of: they stand in the order of the pictures, in one part or in several.

        Raises:
            UnhypeError: parts that are not of all pictures.
        """
        if self.width == 0 or rows % self.width:
            raise UnhypeError(
                f"got {rows} rows of prompts where {self.width} pictures are drawn, wanted a row for each picture: "
                "a guard with a monitor must know which picture a row is of; load it with monitored=False"
            )
        return row % self.width

    def called(self, time: Any, conditional: bool) -> None:
        """The denoiser is about to run."""
        self.drawing = True
        if conditional:
            self.drawn = None
        if self.apart:
            self.before = (_number(time), conditional)


def _number(time: Any) -> Any:
    return time.detach().float().flatten().tolist()[0] if isinstance(time, torch.Tensor) else time


def keys(text: Rows) -> list[bytes]:
    """A hash of each row's content, over all routes.

    Raises:
        UnhypeError: more rows on one route than on the other. A denoiser may let one stand for many, and so draw from a
            row that nobody has looked at.
    """
    if len({len(route) for route in text}) > 1:
        raise UnhypeError(
            f"got {len(text[0])} rows of token states and {len(text[-1])} of pooled text, wanted as many of the one as "
            "of the other: give each prompt a prompt_2 of its own, or none"
        )
    parts = [route.detach().cpu().contiguous().flatten(1).view(torch.uint8).numpy() for route in text]
    return [
        hashlib.blake2b(b"".join(part[i].tobytes() for part in parts), digest_size=16).digest()
        for i in range(len(parts[0]))
    ]


def same(one: Rows, other: Rows) -> bool:
    """Whether two batches of text are equal to the bit, and in the same place."""
    return len(one) == len(other) and all(
        a.shape == b.shape and a.dtype == b.dtype and a.device == b.device and torch.equal(a, b)
        for a, b in zip(one, other, strict=True)
    )
