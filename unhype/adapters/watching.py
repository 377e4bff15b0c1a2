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
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from unhype.adapters.lora import Factors, idle_sites, listen
from unhype.adapters.rows import Asked, Emit, Read, Reader, Row, Rows, Scope, Texts, Watchable, keys, same
from unhype.adapters.sites import layer_at, unwrapped
from unhype.errors import UnhypeError

__all__ = ["Asked", "Rows", "Texts", "Watch", "attach", "detach", "is_guarded"]

KEPT = 256
"""Rows that are kept of prompts encoded ahead of a call, with ``pipeline.encode_prompt``."""

_attaching = threading.RLock()


class _Thread(threading.local):
    """What one thread is doing: the pipeline calls that it is in, and the adapters of the denoiser's call."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.factors: Mapping[str, Factors] | None = None
        self.ran: set[str] = set()
        self.last: tuple[Rows, int, int, Mapping[str, Factors]] | None = None
        self.states: torch.Tensor | None = None


class Watch:
    """One denoiser under adapters.

    Attributes:
        owner: whose adapters they are, by weak reference; another's are refused while these are on.
        holds: of the pipelines that draw with it.
    """

    def __init__(self, family: Watchable, owner: object, unconditional: bool) -> None:
        self.denoiser, self.part = unwrapped(family.denoiser), family.part
        self.sites = tuple(site.name for site in family.sites)
        self.owner, self.unconditional = weakref.ref(owner), unconditional
        self._start()
        self.handles: list[RemovableHandle] = [
            *(
                listen(self.denoiser, site.name, partial(self._factors, site.name), constant=site.reads != "hidden")
                for site in family.sites
            ),
            *(
                layer_at(self.denoiser, site.name).register_forward_pre_hook(partial(self._reads, site=site.name))
                for site in family.text_layers
            ),
            self.denoiser.register_forward_pre_hook(self._before, with_kwargs=True),
            self.denoiser.register_forward_hook(self._after, with_kwargs=True),
        ]

    def _start(self) -> None:
        self.signature = inspect.signature(type(self.denoiser).forward)
        self.holds: weakref.WeakSet[Hold] = weakref.WeakSet()
        self.ahead: OrderedDict[bytes, Row] = OrderedDict()
        self._lock, self._thread = threading.Lock(), _Thread()

    def __getstate__(self) -> dict[str, Any]:
        """For a deep copy, which is a watch of its own over the copied denoiser and knows no rows."""
        shared = ("signature", "holds", "ahead", "_lock", "_thread")
        return {name: value for name, value in vars(self).items() if name not in shared}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start()

    # ------------------------------------------------------------ the pipeline's side

    def enter(self, reader: Reader) -> None:
        """A pipeline's call begins in this thread."""
        self._thread.scopes.append(Scope(reader))

    def leave(self) -> None:
        """It ends, and its rows with it."""
        self._thread.scopes.pop()
        self._thread.last = self._thread.factors = self._thread.states = None

    @property
    def turn(self) -> int:
        """How many times the pipeline's call has encoded prompts; 0 once it draws: a callback's are no part of it."""
        scope = self._scope
        return scope.turn if scope and not scope.drawing else 0

    @property
    def _scope(self) -> Scope | None:
        return self._thread.scopes[-1] if self._thread.scopes else None

    def remember(self, reader: Reader, asked: Asked, positive: Rows, negative: Rows | None) -> None:
        """Take down what was encoded.

        Raises:
            UnhypeError: embeddings in place of prompts, which nobody has read.
        """
        found = keys(positive)
        if asked.prompts is not None:
            self._add(reader, found, asked.prompts, negative=False)
        elif not all(row and row.texts for row in self._found(found)):
            raise UnhypeError(
                "got prompt embeddings, wanted the prompts themselves: a guarded pipeline must read what it draws; "
                "embeddings of its own encode_prompt are known too"
            )
        if negative is not None:
            self._add(reader, keys(negative), asked.negatives or [()] * len(negative[0]), negative=True)
        self._turned(len(found), apart=False)

    def remember_negative(self, reader: Reader, asked: Asked, rows: Rows) -> None:
        """Take down negative prompts that were encoded by a call of their own."""
        self._add(reader, keys(rows), asked.negatives or [()] * len(rows[0]), negative=True)
        self._turned(len(rows[0]), apart=True)

    def _turned(self, width: int, apart: bool) -> None:
        scope = self._scope
        if scope and not scope.drawing:
            scope.width, scope.turn, scope.apart = width, scope.turn + 1, scope.apart or apart

    def _add(self, reader: Reader, found: Sequence[bytes], texts: Sequence[Texts], negative: bool) -> None:
        each = max(1, len(found) // max(1, len(texts)))  # several pictures a prompt stand in a row
        distinct = [] if negative else list(dict.fromkeys(texts))
        readings = dict(zip(distinct, reader.read(reader.family, distinct), strict=True)) if distinct else {}
        known = self._found(found)
        with self._lock:
            place = self._scope.rows if self._scope else self.ahead
            for i, (key, before) in enumerate(zip(found, known, strict=True)):
                said = texts[i // each]
                row = place.get(key)
                if row is None:
                    row = place[key] = copy.copy(before) if before else Row(said, reader)
                    row.negative = False
                row.texts, row.negative = row.texts or said, row.negative or negative
                if said in readings:
                    row.known, row.reading = True, readings[said]
            while len(self.ahead) > KEPT:
                self.ahead.popitem(last=False)

    # ------------------------------------------------------------ the denoiser's side

    @torch.compiler.disable
    def _before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        thread, scope = self._thread, self._scope
        thread.factors, thread.states, thread.ran = None, None, set()
        arguments = self.signature.bind_partial(module, *args, **kwargs).arguments
        reader = scope.reader if scope else next((hold.reader for hold in self.holds), None)
        if reader is None:
            raise UnhypeError(
                f"got a copy of a {self.part} under guard, wanted one of a bare {self.part}, or of the whole pipeline: "
                "nobody has read a prompt for it"
            )
        text, time = reader.family.text_in(arguments), arguments.get("timestep")
        free = 0 if self.unconditional or scope is None else scope.unconditional(len(text[0]), time)
        last = thread.last
        if last is None or last[1] != free or not same(last[0], text):
            copies = tuple(route.detach().clone() for route in text)
            last = thread.last = (copies, free, *self._adapters(text, free))
        if scope:
            scope.called(time, conditional=last[2] < len(text[0]))
        thread.factors, thread.states = last[3], text[0]

    @torch.compiler.disable
    def _after(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        idle = sorted(set(self.sites) - self._thread.ran)
        self._thread.factors = self._thread.states = None
        if idle:
            raise UnhypeError(idle_sites(idle, len(self.sites)))

    @torch.compiler.disable
    def _factors(self, site: str, name: str) -> Factors | None:
        if self._thread.factors is None:
            raise UnhypeError(
                f"got a call of {site!r} alone, wanted one of the whole {self.part} through a guarded pipeline: "
                "the guard has not read a prompt for it"
            )
        self._thread.ran.add(site)
        return self._thread.factors.get(site)

    @torch.compiler.disable
    def _reads(self, layer: nn.Module, args: tuple[Any, ...], site: str) -> None:
        """Whether a layer of text reads what came to the denoiser: processors and hooks may put other text there."""
        states, given = self._thread.states, args[0]
        if (
            states is not None
            and given is not states
            and not (given.shape == states.shape and torch.equal(given, states.to(given)))
        ):
            raise UnhypeError(
                f"got other text at {site!r} than the {self.part} was called with, wanted the prompts themselves: undo "
                "hooks and attention processors that exchange it"
            )

    def _adapters(self, text: Rows, free: int) -> tuple[int, Mapping[str, Factors]]:
        """How many leading rows are unconditional after all, and the factors of every row; none if all stay."""
        rows = self._found(keys(text))
        if unread := sum(row is None for row in rows):
            raise UnhypeError(
                f"got {unread} of {len(rows)} rows of text at the {self.part} that no guarded pipeline has read, "
                "wanted a call of a guarded pipeline with prompts: attach the guard to the pipeline that you call, and "
                "pass prompts, not embeddings"
            )
        known = [row for row in rows if row is not None]
        if not all(row.negative for row in known[:free]):
            free = 0
        said = [None] * free + [row.said() for row in known[free:]]
        distinct: list[Any] = []
        places = []
        for each in said:
            place = next((k for k, other in enumerate(distinct) if other is each), None)
            if each is not None and place is None:
                distinct.append(each)
                place = len(distinct) - 1
            places.append(-1 if each is None else place)
        if not distinct:
            return free, {}
        index = torch.tensor(places, device=text[0].device)
        reader = self._scope.reader if self._scope else known[-1].reader
        return free, {name: _spread(f, index) for name, f in reader.emit(reader.family, distinct).items()}

    def _found(self, found: Sequence[bytes]) -> list[Row | None]:
        with self._lock:
            places: list[Mapping[bytes, Row]] = [scope.rows for scope in reversed(self._thread.scopes)]
            return [next((place[key] for place in (*places, self.ahead) if key in place), None) for key in found]


def _spread(factors: Factors, index: torch.Tensor) -> Factors:
    """Adapters by place in the batch; place -1 has none."""
    index = index.to(factors.A.device)
    A, B = (torch.cat([part, torch.zeros_like(part[:1])]) for part in (factors.A, factors.B))
    return Factors(A[index], B[index])


# ---------------------------------------------------------------- the pipeline


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
        return Hold(self.watch, Reader(family, self.reader.read, self.reader.emit))


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
        watch.enter(hold.reader)
        try:
            result = super().__call__(*args, **kwargs)  # type: ignore[misc]
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


def attach(family: Watchable, read: Read, emit: Emit, owner: object, unconditional: bool = False) -> Callable[[], None]:
    """Put a pipeline under adapters from now on; returns what undoes it.

    Args:
        read, emit: from prompts to adapters.
        owner: whose they are; pipelines that share a denoiser can only share an owner.
        unconditional: whether negative prompts are adapted too, as they are where a LoRA is merged into the weights.

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
        vars(pipeline)["_unhype"] = Hold(watch, Reader(family, read, emit))
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
    compiled = denoiser is not unwrapped(denoiser) or any(
        module._compiled_call_impl is not None or hasattr(vars(module).get("forward"), "_torchdynamo_orig_callable")
        for module in denoiser.modules()
    )
    if compiled:
        torch._dynamo.reset()
