"""A pipeline whose prompts decide its adapters: whatever text reaches the denoiser is recognised, or refused.

Adapters belong to *rows of text*, not to calls. ``encode_prompt`` is watched: every row that it returns is remembered,
by its content, with what was asked for. A hook before the denoiser looks up the rows that it is called with, whatever
their number and order (guidance on or off, perturbed attention, two calls a step, callbacks), and gives each its own
adapter. A row that nobody has read is refused. So is a call in which an adapted layer is passed by, and a denoiser that
is exchanged.

Pipelines that share a denoiser share the watch; one that is not watched itself is refused there, since nobody has read
its prompts. Rows are forgotten when the pipeline's call ends; every thread has its own. A copy is watched by itself.
"""

from __future__ import annotations

import copy
import functools
import inspect
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

from unhype.adapters.again import drawn
from unhype.adapters.looking import Opinion
from unhype.adapters.rows import Asked, Emit, Read, Reader, Rows, Silent, Texts, Watchable, is_none
from unhype.adapters.sites import is_compiled, unwrapped
from unhype.adapters.watch import Watch
from unhype.errors import UnhypeError

__all__ = ["Asked", "Rows", "Texts", "Watch", "attach", "detach", "is_guarded"]

_attaching = threading.RLock()


class Hold:
    """One pipeline's hold on a watch; a copy of the pipeline has its own."""

    def __init__(self, watch: Watch, reader: Reader) -> None:
        self.watch, self.reader = watch, reader
        watch.holds.add(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.watch.holds.add(self)

    def for_copy(self, pipeline: Any) -> Hold:
        """The same for a shallow copy of the pipeline."""
        family = copy.copy(self.reader.family)
        family.pipeline = pipeline
        return Hold(self.watch, replace(self.reader, family=family))


class _Watched:
    """What a watched pipeline does besides: it is mixed into the pipeline's own class while the watch is on."""

    _unhype: Hold

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """``type(pipeline)(**components)`` and ``from_pipe`` make a bare one. Without arguments: a copy begins."""
        return _bare(cls)(*args, **kwargs) if args or kwargs else object.__new__(cls)

    def __copy__(self) -> Any:
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        vars(twin)["_unhype"] = self._unhype.for_copy(twin)
        return twin

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        hold = self._unhype
        watch, family = hold.watch, hold.reader.family
        if unwrapped(family.denoiser) is not watch.denoiser:
            raise UnhypeError(_exchanged(family.part))
        call = super().__call__  # type: ignore[misc]
        if hold.reader.opinion:
            result = drawn(watch, hold.reader, call, args, kwargs)
        else:
            watch.enter(hold.reader)
            try:
                result = call(*args, **kwargs)
            finally:
                watch.leave()
        if hold not in watch.holds:
            raise UnhypeError(
                "got a guard that was detached while its pipeline drew, wanted it on until the end: the pictures "
                "are withheld; draw them again"
            )
        return result

    def encode_prompt(self, *args: Any, **kwargs: Any) -> Any:
        watch, reader = self._unhype.watch, self._unhype.reader
        encode = super().encode_prompt  # type: ignore[misc]
        asked = reader.family.asked(inspect.signature(encode).bind(*args, **kwargs).arguments, watch.turn)
        result = encode(*args, **kwargs)
        rows, negative = reader.family.encoded(result)
        if asked.prompts is None and asked.negatives is not None and negative is None:
            watch.remember_negative(reader, asked, rows)
        else:
            watch.remember(reader, asked, rows, negative)
        return result

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._unhype.reader.family.frozen and _inside(value) is not _inside(getattr(self, name, None)):
            raise UnhypeError(_exchanged(name))
        super().__setattr__(name, value)

    def save_pretrained(self, *args: Any, **kwargs: Any) -> Any:
        warnings.warn(
            "the guard is not in the files that are saved, they hold the bare base: attach it again after loading",
            stacklevel=2,
        )
        return super().save_pretrained(*args, **kwargs)  # type: ignore[misc]


def _inside(part: Any) -> Any:
    return unwrapped(part) if isinstance(part, nn.Module) else part


def _exchanged(name: str) -> str:
    return (
        f"got another {name} while the pipeline is under guard, wanted the one that the guard was attached to: "
        "detach the guard first, exchange it, and attach a guard that was trained for it"
    )


def _bare(watched: type) -> type:
    return watched.__mro__[2]


def _class(bare: type) -> type:
    """The watched form of a pipeline's class, under the same name and with the same signatures."""

    def like(name: str) -> Callable[..., Any]:
        watched = getattr(_Watched, name)

        @functools.wraps(getattr(bare, name))
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return watched(self, *args, **kwargs)

        return method

    said = {"__module__": bare.__module__, "__qualname__": bare.__qualname__, "__doc__": bare.__doc__}
    return type(
        bare.__name__, (_Watched, bare), {**said, **{name: like(name) for name in ("__call__", "encode_prompt")}}
    )


def attach(
    family: Watchable,
    read: Read,
    emit: Emit,
    owner: object,
    unconditional: bool = False,
    opinion: Opinion | None = None,
    silent: Silent = is_none,
) -> Callable[[], None]:
    """Put a pipeline under adapters from now on; returns what undoes it.

    Args:
        read, emit: from prompts to adapters.
        owner: whose they are; pipelines that share a denoiser can only share an owner.
        unconditional: whether negative prompts are adapted too, as they are where a LoRA is merged into the weights.
        opinion: who looks at what is being drawn. Where something is seen, the pipeline's call begins again from the
            same noise, with adapters for what was seen too.
        silent: which readings leave the denoiser as it is.

    Raises:
        UnhypeError: a pipeline that is adapted already, or a denoiser that is under somebody else's adapters.
    """
    pipeline, denoiser = family.pipeline, unwrapped(family.denoiser)
    with _attaching:
        if isinstance(pipeline, _Watched):
            raise UnhypeError(
                "got a pipeline that is under guard already, wanted a bare one: detach the other guard first"
            )
        watch: Watch | None = vars(denoiser).get("_unhype_watch")
        if watch is not None and watch.owner() is not owner:
            raise UnhypeError(
                f"got a {family.part} that is under another guard, through a pipeline that shares it, wanted a bare "
                "one, or the same guard: detach the other first"
            )
        if watch is None:
            watch = Watch(family, owner, unconditional)
            vars(denoiser)["_unhype_watch"] = watch
            _compile_anew(family.denoiser)
        vars(pipeline)["_unhype"] = Hold(watch, Reader(family, read, emit, opinion, silent))
        pipeline.__class__ = _class(type(pipeline))
    return partial(detach, pipeline)


def detach(pipeline: Any) -> None:
    """Give a pipeline back as it was, to the bit; nothing where it is bare already. A copy is detached by itself."""
    with _attaching:
        if not isinstance(pipeline, _Watched):
            return
        hold = pipeline._unhype
        watch = hold.watch
        pipeline.__class__ = _bare(type(pipeline))
        del vars(pipeline)["_unhype"]
        watch.holds.discard(hold)
        if not watch.holds:
            for handle in watch.handles:
                handle.remove()
            with suppress(KeyError):
                del vars(watch.denoiser)["_unhype_watch"]
            _compile_anew(hold.reader.family.denoiser)


def is_guarded(pipeline: Any) -> bool:
    """Whether adapters are attached to this pipeline."""
    return isinstance(pipeline, _Watched)


def _compile_anew(denoiser: nn.Module) -> None:
    """Compiled code was traced with the hooks of its day, and torch does not look whether they are still there."""
    if is_compiled(denoiser):
        torch._dynamo.reset()
