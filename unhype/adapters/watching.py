"""A pipeline whose prompts decide its adapters: whatever text reaches the denoiser is recognised, or refused.

Adapters belong to *rows of text*, not to calls. ``encode_prompt`` is watched: every row that it returns is remembered, by
its content, with what was asked for. A hook before the denoiser looks up the rows that it is called with, whatever their
number and order (guidance on or off, perturbed attention, two calls a step, callbacks), and gives each its own adapter. A
row that nobody has read is refused. So is a call in which an adapted layer is passed by, and a denoiser that is exchanged.

Pipelines that share a denoiser share the watch; one that is not watched itself is refused there, since nobody has read its
prompts. Rows are forgotten when the pipeline's call ends, and every thread has its own.
"""

from __future__ import annotations

import hashlib
import inspect
import threading
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from unhype.adapters.lora import Factors, idle_sites, listen
from unhype.adapters.sites import Site, unwrapped
from unhype.errors import UnhypeError

Texts = tuple[str, ...]
"""What one picture is asked for: one text, or one for each text encoder where they differ."""

Rows = tuple[torch.Tensor, ...]
"""Encoded text as the denoiser gets it, by route: token states ``[n, t, d]``, and where there is one the pooled ``[n, p]``."""

Read = Callable[[Sequence[Texts]], Sequence[Any]]
"""Texts → what each says to the adapters, in whatever form ``emit`` reads; None where the denoiser is to stay as it is."""

Emit = Callable[[Sequence[Any]], Mapping[str, Factors]]
"""What was read, none of it None → site name → one adapter for each."""

KEPT = 256
"""Rows that are kept of prompts encoded ahead of a call, with ``pipeline.encode_prompt``."""


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

    def asked(self, arguments: Mapping[str, Any], turn: int) -> Asked:
        """From the arguments of ``encode_prompt``; ``turn`` counts its calls within one of the pipeline."""
        ...

    def encoded(self, result: Any) -> tuple[Rows, Rows | None]:
        """From what ``encode_prompt`` returned: rows of the prompts, and of the negative ones."""
        ...

    def text_in(self, arguments: Mapping[str, Any]) -> Rows:
        """From the arguments of a call of the denoiser."""
        ...


@dataclass
class _Row:
    """A row of text that somebody asked for; it has no texts if it came encoded, as a negative prompt."""

    texts: Texts
    read: Read
    positive: bool = False
    negative: bool = False
    reading: Any = None
    known: bool = False

    def said(self) -> Any:
        """What it says, read once."""
        if not self.known:
            if not self.texts:
                raise UnhypeError(
                    "got negative prompt embeddings in the place of a prompt, wanted the prompt itself: "
                    "a guarded pipeline must read what it draws"
                )
            self.reading, self.known = self.read([self.texts])[0], True
        return self.reading


@dataclass
class _Scope:
    """One call of a pipeline: the rows that it has read, and how many prompts it draws at a time."""

    rows: dict[bytes, _Row] = field(default_factory=dict)
    width: int = 0
    turn: int = 0


class _Thread(threading.local):
    """What one thread is doing: the pipeline calls that it is in, and the adapters of the denoiser's call."""

    def __init__(self) -> None:
        self.scopes: list[_Scope] = []
        self.factors: Mapping[str, Factors] | None = None
        self.ran: set[str] = set()
        self.last: tuple[Rows, int, Mapping[str, Factors]] | None = None


class Watch:
    """One denoiser under adapters.

    Attributes:
        owner: whose adapters they are, by weak reference; another's are refused while these are on.
    """

    def __init__(self, family: Watchable, emit: Emit, owner: object, unconditional: bool) -> None:
        self.denoiser, self.part = family.denoiser, family.part
        self.sites = tuple(site.name for site in family.sites)
        self.emit, self.owner, self.unconditional = emit, weakref.ref(owner), unconditional
        self.text_in, self.pipelines = family.text_in, 0
        self.signature = inspect.signature(type(unwrapped(self.denoiser)).forward)
        self.ahead: OrderedDict[bytes, _Row] = OrderedDict()
        self._lock, self._thread = threading.Lock(), _Thread()
        self.handles: list[RemovableHandle] = [
            *(
                listen(self.denoiser, site.name, partial(self._factors, site.name), constant=site.reads != "hidden")
                for site in family.sites
            ),
            self.denoiser.register_forward_pre_hook(self._before, with_kwargs=True),
            self.denoiser.register_forward_hook(self._after, with_kwargs=True),
        ]

    def __getstate__(self) -> dict[str, Any]:
        """For a deep copy, which is a watch of its own over the copied denoiser."""
        return {name: value for name, value in vars(self).items() if name not in ("_lock", "_thread")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock, self._thread = threading.Lock(), _Thread()

    # ------------------------------------------------------------ the pipeline's side

    def enter(self) -> None:
        """A pipeline's call begins in this thread."""
        self._thread.scopes.append(_Scope())

    def leave(self) -> None:
        """It ends, and its rows with it."""
        self._thread.scopes.pop()
        self._thread.last = self._thread.factors = None

    @property
    def turn(self) -> int:
        """How many times the pipeline's call has encoded prompts so far."""
        return self._thread.scopes[-1].turn if self._thread.scopes else 0

    def remember(self, read: Read, asked: Asked, positive: Rows, negative: Rows | None) -> None:
        """Take down what was encoded.

        Raises:
            UnhypeError: embeddings in place of prompts, which nobody has read.
        """
        rows = self._found(keys(positive))
        if asked.prompts is None:
            if not all(row and row.positive for row in rows):
                raise UnhypeError(
                    "got prompt embeddings, wanted the prompts themselves: a guarded pipeline must read what it draws; "
                    "embeddings of its own encode_prompt are known too"
                )
        else:
            self._add(read, keys(positive), asked.prompts, positive=True)
        if negative is not None:
            texts = asked.negatives or [()] * len(negative[0])
            self._add(read, keys(negative), texts, positive=False)
        if self._thread.scopes:
            scope = self._thread.scopes[-1]
            scope.width, scope.turn = len(positive[0]), scope.turn + 1

    def remember_negative(self, read: Read, asked: Asked, rows: Rows) -> None:
        """Take down negative prompts that were encoded by a call of their own."""
        texts = asked.negatives or [()] * len(rows[0])
        self._add(read, keys(rows), texts, positive=False)
        if self._thread.scopes:
            self._thread.scopes[-1].turn += 1

    def _add(self, read: Read, found: Sequence[bytes], texts: Sequence[Texts], positive: bool) -> None:
        each = max(1, len(found) // max(1, len(texts)))  # several pictures a prompt stand in a row
        fresh = dict.fromkeys(texts) if positive else {}
        readings = dict(zip(fresh, read(list(fresh)), strict=True)) if fresh else {}
        with self._lock:
            place = self._thread.scopes[-1].rows if self._thread.scopes else self.ahead
            for i, key in enumerate(found):
                said = texts[i // each]
                row = place.setdefault(key, _Row(said, read))
                row.texts = said or row.texts
                if positive:
                    row.positive, row.known, row.reading = True, True, readings[said]
                else:
                    row.negative = True
            while len(self.ahead) > KEPT:
                self.ahead.popitem(last=False)

    # ------------------------------------------------------------ the denoiser's side

    @torch.compiler.disable
    def _before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        arguments = self.signature.bind_partial(module, *args, **kwargs).arguments
        text = self.text_in(arguments)
        thread, width = self._thread, self._thread.scopes[-1].width if self._thread.scopes else 0
        last = thread.last
        if last is None or last[1] != width or not _same(last[0], text):
            copies = tuple(route.detach().clone() for route in text)
            last = thread.last = (copies, width, self._adapters(text, width))
        thread.factors, thread.ran = last[2], set()

    @torch.compiler.disable
    def _after(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        idle = sorted(set(self.sites) - self._thread.ran)
        self._thread.factors = None
        if idle:
            raise UnhypeError(idle_sites(idle, len(self.sites)))

    @torch.compiler.disable
    def _factors(self, site: str, name: str) -> Factors | None:
        if self._thread.factors is None:
            raise UnhypeError(
                f"got a call of {site!r} alone, wanted one of the whole pipeline: the guard has not read a prompt for it"
            )
        self._thread.ran.add(site)
        return self._thread.factors.get(site)

    def _adapters(self, text: Rows, width: int) -> Mapping[str, Factors]:
        """The factors of every row of a batch; nothing if all rows stay as they are."""
        rows = self._found(keys(text))
        if unread := sum(row is None for row in rows):
            raise UnhypeError(
                f"got {unread} of {len(rows)} rows of text at the {self.part} that no guarded pipeline has read, wanted a "
                "call of a guarded pipeline with prompts: attach the guard to the pipeline that you call, and pass "
                "prompts, not embeddings"
            )
        known = [row for row in rows if row is not None]
        leading = 0 if self.unconditional else _unconditional(known, width)
        said = [None] * leading + [row.said() for row in known[leading:]]
        distinct: list[Any] = []
        places = []
        for each in said:
            place = next((k for k, other in enumerate(distinct) if other is each), None)
            if each is not None and place is None:
                distinct.append(each)
                place = len(distinct) - 1
            places.append(-1 if each is None else place)
        if not distinct:
            return {}
        index = torch.tensor(places, device=text[0].device)
        return {name: _spread(factors, index) for name, factors in self.emit(distinct).items()}

    def _found(self, found: Sequence[bytes]) -> list[_Row | None]:
        with self._lock:
            scopes = [scope.rows for scope in reversed(self._thread.scopes)]
            return [next((place[key] for place in (*scopes, self.ahead) if key in place), None) for key in found]


def _unconditional(rows: Sequence[_Row], width: int) -> int:
    """How many leading rows are the unconditional part of guidance.

    A batch with guidance begins with as many negative rows as there are prompts; where guidance calls the denoiser
    twice, one call has negative rows alone. Elsewhere a negative prompt is read like any other.
    """
    first = rows[:width] if len(rows) > width > 0 else rows
    if len(first) < len(rows):
        return len(first) if all(row.negative for row in first) else 0
    return len(rows) if all(row.negative and not row.positive for row in rows) else 0


def _spread(factors: Factors, index: torch.Tensor) -> Factors:
    """Adapters by place in the batch; place -1 has none."""
    index = index.to(factors.A.device)
    A, B = (torch.cat([part, torch.zeros_like(part[:1])]) for part in (factors.A, factors.B))
    return Factors(A[index], B[index])


def _same(one: Rows, other: Rows) -> bool:
    return len(one) == len(other) and all(
        a.shape == b.shape and a.dtype == b.dtype and a.device == b.device and torch.equal(a, b)
        for a, b in zip(one, other, strict=True)
    )


def keys(text: Rows) -> list[bytes]:
    """A hash of each row's content, over all routes."""
    parts = [route.detach().cpu().contiguous().flatten(1).view(torch.uint8).numpy() for route in text]
    return [
        hashlib.blake2b(b"".join(part[i].tobytes() for part in parts), digest_size=16).digest()
        for i in range(len(parts[0]))
    ]


# ---------------------------------------------------------------- the pipeline


class _Watched:
    """What a watched pipeline does besides: it is mixed into the pipeline's own class while the watch is on."""

    _unhype: tuple[Watch, Watchable, Read]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        watch, family, _ = self._unhype
        if family.denoiser is not watch.denoiser:
            raise UnhypeError(_exchanged(family.part))
        watch.enter()
        try:
            return super().__call__(*args, **kwargs)  # type: ignore[misc]
        finally:
            watch.leave()

    def encode_prompt(self, *args: Any, **kwargs: Any) -> Any:
        watch, family, read = self._unhype
        encode = super().encode_prompt  # type: ignore[misc]
        asked = family.asked(inspect.signature(encode).bind(*args, **kwargs).arguments, watch.turn)
        result = encode(*args, **kwargs)
        rows, negative = family.encoded(result)
        if asked.prompts is None and asked.negatives is not None and negative is None:
            watch.remember_negative(read, asked, rows)
        else:
            watch.remember(read, asked, rows, negative)
        return result

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._unhype[1].frozen and value is not getattr(self, name, None):
            raise UnhypeError(_exchanged(name))
        super().__setattr__(name, value)

    def save_pretrained(self, *args: Any, **kwargs: Any) -> Any:
        warnings.warn(
            "the guard is not in the files that are saved: they hold the bare base; attach the guard again after loading",
            stacklevel=2,
        )
        return super().save_pretrained(*args, **kwargs)  # type: ignore[misc]


def _exchanged(name: str) -> str:
    return (
        f"got another {name} while the pipeline is under guard, wanted the one that the guard was attached to: "
        "detach the guard first, exchange it, and attach a guard that was trained for it"
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
    pipeline, denoiser = family.pipeline, family.denoiser
    if isinstance(pipeline, _Watched):
        raise UnhypeError("got a pipeline that is under guard already, wanted a bare one: detach the other guard first")
    watch: Watch | None = vars(denoiser).get("_unhype_watch")
    if watch is not None and watch.owner() is not owner:
        raise UnhypeError(
            f"got a {family.part} that is under another guard, through a pipeline that shares it, wanted a bare one, or the "
            "same guard: detach the other first"
        )
    if watch is None:
        watch = Watch(family, emit, owner, unconditional)
        vars(denoiser)["_unhype_watch"] = watch
    watch.pipelines += 1
    bare = type(pipeline)
    same = {"__module__": bare.__module__, "__qualname__": bare.__qualname__, "__doc__": bare.__doc__}
    vars(pipeline)["_unhype"] = (watch, family, read)
    pipeline.__class__ = type(bare.__name__, (_Watched, bare), same)
    return partial(detach, pipeline)


def detach(pipeline: Any) -> None:
    """Give a pipeline back as it was, to the bit; nothing where it is bare already. A deep copy is detached by itself."""
    if not isinstance(pipeline, _Watched):
        return
    watch = pipeline._unhype[0]
    pipeline.__class__ = type(pipeline).__mro__[2]
    del vars(pipeline)["_unhype"]
    watch.pipelines -= 1
    if watch.pipelines == 0:
        for handle in watch.handles:
            handle.remove()
        with suppress(KeyError):
            del vars(watch.denoiser)["_unhype_watch"]


def is_guarded(pipeline: Any) -> bool:
    """Whether adapters are attached to this pipeline."""
    return isinstance(pipeline, _Watched)
