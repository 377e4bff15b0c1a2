"""The second opinion's side of a watch: what is drawn is looked at, and a picture that shows something begins again.

It looks late, at the first call that comes so far into the picture; where one picture is drawn in several views, at all
of them; in a second pass again; and at the last call, where none came so far. While it looks, the denoiser is the
base's own: it may be asked about the pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from unhype.errors import UnhypeError

if TYPE_CHECKING:
    from unhype.adapters.rows import Rows, Scope, Watchable

NEARLY = 1e-6
"""By how much a share may be rounded."""

Look = Callable[[Any, "Drawn", Sequence[Sequence[int]]], Sequence[int]]
"""(Family, what is being drawn, what was seen in each row's picture before) → a number for what is seen in each row, if
it does not say so and nobody has seen it before, or -1."""

Seen = Mapping[int, tuple[int, ...]]
"""Picture → what was seen in it so far; pictures in which nothing was are not there."""

Amend = Callable[[Any, Any, Sequence[int]], Any]
"""(Family, what a row says, what was seen in its picture) → what it says with that."""


@dataclass(frozen=True)
class Opinion:
    """A second opinion: what is being drawn is looked at, whatever the words said.

    Attributes:
        share: how far into the noise it looks: at the first call that comes so far, or at the last there is.
        look: it may call the denoiser, which is the base's own meanwhile.
    """

    share: float
    look: Look
    amend: Amend


class Drawn:
    """What a call of the denoiser draws, in the rows of prompts. It is worked out where somebody looks: few calls are
    looked at, and every call would wait for the device.

    Attributes:
        said: what each row says.
        text: each row's text, as the denoiser gets it.
        share: how far into the noise they are.
    """

    def __init__(
        self,
        family: Watchable,
        arguments: Mapping[str, Any],
        output: Any,
        free: int,
        said: Sequence[Any],
        text: Rows,
        share: float,
    ) -> None:
        """``free`` leading rows of the call are of no prompt; ``said`` and ``text`` are of the others."""
        self.said, self.text, self.share = said, text, share
        self._family, self._arguments, self._output, self._free = family, arguments, output, free

    def kept(self) -> Drawn:
        """The same for after the call, when the pipeline may write over what was given to it."""
        given = {name: _copied(self._arguments[name]) for name in self._family.drawn_from}
        output = self._output if isinstance(self._output, torch.Tensor) else self._output[:1]
        return Drawn(self._family, given, _copied(output), self._free, self.said, self.text, self.share)

    @property
    def latents(self) -> torch.Tensor:
        """z_0 of each row, ``[n, C, h, w]``."""
        return self._found[0]

    @property
    def times(self) -> torch.Tensor:
        """The denoiser's, ``[n]``."""
        return self._found[1]

    @cached_property
    def _found(self) -> tuple[torch.Tensor, torch.Tensor]:
        latents, times = self._family.drawn_in(self._arguments, self._output)
        return latents[self._free :], times[self._free :]


def _copied(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_copied, value))
    return value.detach().clone() if isinstance(value, torch.Tensor) else value


def share_at(family: Watchable, time: Any, free: int) -> float:
    """How far into the noise the rows of prompts are, at the denoiser's time; 1 where it is not told any."""
    if time is None:
        return 1.0
    times = torch.as_tensor(time)
    return float(family.share_of(times[free:] if times.numel() > 1 else times).max())


MOST = 4
"""Concepts that may be seen in one picture before it is withheld."""


class BeginAgain(Exception):  # noqa: N818 - nothing is wrong
    """Something is being drawn that no row said: the picture has to begin again.

    Attributes:
        seen: picture → what was seen in it so far.
    """

    def __init__(self, seen: Seen) -> None:
        super().__init__("a picture begins again")
        self.seen = seen


def is_time(opinion: Opinion, scope: Scope | None, drawn: Drawn) -> bool:
    """Whether to look at a call; if it comes too early, what it draws is kept, as it may be the last."""
    if drawn.share > opinion.share + NEARLY:
        if scope:
            scope.drawn, scope.looked = drawn.kept(), None  # looked at in a pass before this one
        return False
    return scope is None or scope.looked in (None, drawn.share)


def look(opinion: Opinion, family: Any, part: str, scope: Scope | None, drawn: Drawn) -> None:
    """Look at what is drawn, and note what is seen.

    Args:
        part: the denoiser's name in the pipeline.
        scope: of the pipeline's call; None where the denoiser is called without one.

    Raises:
        BeginAgain: to begin again, with what was seen: something in every picture, or in some where the others are not
            finished without them.
        UnhypeError: one picture shows more and more; or nobody can begin again.
    """
    if scope is None:
        if any(one >= 0 for one in opinion.look(family, drawn, [()] * len(drawn.said))):
            raise UnhypeError(
                f"got a call of the {part} that draws what was forgotten, without a pipeline's call around it, wanted "
                "one that can begin again: call the guarded pipeline"
            )
        return
    rows = len(drawn.said)
    shown = opinion.look(family, drawn, [scope.found.get(scope.picture(row, rows), ()) for row in range(rows)])
    found = dict(scope.found)
    for row, one in enumerate(shown):
        picture = scope.picture(row, rows)
        if one >= 0 and one not in (before := found.get(picture, ())):
            found[picture] = (*before, one)
    if any(len(each) > MOST for each in found.values()):
        raise UnhypeError(
            "got a picture that shows more and more of what was forgotten, wanted another: it is withheld; use "
            "another prompt, or another seed"
        )
    fresh = sum(what != scope.seen.get(picture) for picture, what in found.items())
    if fresh == scope.width or (fresh and not scope.finishes):
        raise BeginAgain(found)
    scope.found, scope.looked = found, drawn.share


def attention_of(denoiser: nn.Module) -> dict[str, Any]:
    """A denoiser's attention processors: some pipelines exchange them while they draw."""
    return dict(getattr(denoiser, "attn_processors", {}))


def put_attention(denoiser: Any, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Put attention processors back, if those that are there now are others."""
    if any(found[name] is not each for name, each in wanted.items()):
        denoiser.set_attn_processor(dict(wanted))


def completed(denoiser: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any] | None:
    """The arguments of a question to a denoiser with an empty picture for whatever IP-Adapter is loaded, if any is."""
    projection = getattr(denoiser, "encoder_hid_proj", None)
    adapters, given = getattr(projection, "image_projection_layers", None), kwargs.get("added_cond_kwargs") or {}
    if adapters is None or "image_embeds" in given:
        return None
    sample = args[0] if args else kwargs["sample"]
    widths = [next(p.shape[-1] for p in layer.parameters() if p.ndim == 2) for layer in adapters]
    empty = [torch.zeros(len(sample), 1, width, dtype=sample.dtype, device=sample.device) for width in widths]
    return args, {**kwargs, "added_cond_kwargs": {**given, "image_embeds": empty}}
