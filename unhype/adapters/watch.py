"""The denoiser's side of a watch: each row of text is recognised, and every adapted layer gets what belongs to it.

How it all hangs together: :mod:`unhype.adapters.watching`, the pipeline's side.
"""

from __future__ import annotations

import inspect
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from unhype.adapters.ledger import Ledger
from unhype.adapters.looking import (
    Drawn,
    Seen,
    attention_of,
    completed,
    is_time,
    look,
    put_attention,
    share_at,
)
from unhype.adapters.lora import Factors, idle_sites, listen
from unhype.adapters.rows import Asked, Reader, Row, Rows, Scope, Watchable, keys, same
from unhype.adapters.sites import layer_at, unwrapped
from unhype.errors import UnhypeError

if TYPE_CHECKING:
    from unhype.adapters.watching import Hold


@dataclass(frozen=True)
class _Call:
    """What the rows of a call of the denoiser are.

    Attributes:
        text: the rows.
        asked: how many leading ones the pipeline says to be unconditional.
        free: how many are.
        said: what each of the others says.
        factors: of all of them.
    """

    text: Rows
    asked: int
    free: int
    said: Sequence[Any]
    factors: Mapping[str, Factors]


class _Thread(threading.local):
    """What one thread is doing: the pipeline calls that it is in, and the adapters of the denoiser's call."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.factors: Mapping[str, Factors] | None = None
        self.ran: set[str] = set()
        self.last: _Call | None = None
        self.bare = False
        self.text: Rows | None = None
        self.share = 1.0


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
                layer_at(self.denoiser, site.name).register_forward_hook(
                    partial(self._reads, site=site.name, route=route)
                )
                for route, layers in enumerate((family.text_layers, family.pooled_layers))
                for site in layers
            ),
            self.denoiser.register_forward_pre_hook(self._before, with_kwargs=True),
            self.denoiser.register_forward_hook(self._after, with_kwargs=True),
        ]

    def _start(self) -> None:
        self.signature = inspect.signature(type(self.denoiser).forward)
        self.holds: weakref.WeakSet[Hold] = weakref.WeakSet()
        self._ledger, self._thread = Ledger(), _Thread()

    def __getstate__(self) -> dict[str, Any]:
        """For a deep copy, which is a watch of its own over the copied denoiser and knows no rows."""
        shared = ("signature", "holds", "_ledger", "_thread")
        return {name: value for name, value in vars(self).items() if name not in shared}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start()

    # ------------------------------------------------------------ the pipeline's side

    def enter(self, reader: Reader, seen: Seen | None = None, finishes: bool = False) -> Scope:
        """A pipeline's call begins in this thread; for the other arguments see :class:`unhype.adapters.rows.Scope`."""
        scope = Scope(reader, seen or {}, finishes, found=seen or {})
        if reader.opinion:
            scope.attention = attention_of(self.denoiser)
        self._thread.scopes.append(scope)
        return scope

    def break_off(self) -> None:
        """What the pipeline has done to its denoiser's attention in its call is undone: it does not come to an end."""
        if scope := self._scope:
            put_attention(self.denoiser, scope.attention, attention_of(self.denoiser))

    def leave(self) -> None:
        """It ends, and its rows with it."""
        self._thread.scopes.pop()
        self._thread.last = self._thread.factors = self._thread.text = None

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
        self._ledger.remember(self._thread.scopes, reader, asked, positive, negative)
        self._turned(len(positive[0]), apart=False)

    def remember_negative(self, reader: Reader, asked: Asked, rows: Rows) -> None:
        """Take down negative prompts that were encoded by a call of their own."""
        self._ledger.remember_negative(self._thread.scopes, reader, asked, rows)
        self._turned(len(rows[0]), apart=True)

    def _turned(self, width: int, apart: bool) -> None:
        scope = self._scope
        if scope and not scope.drawing:
            scope.width, scope.turn, scope.apart = width, scope.turn + 1, scope.apart or apart

    # ------------------------------------------------------------ the denoiser's side

    @torch.compiler.disable
    def _before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        thread, scope = self._thread, self._scope
        if thread.bare:
            return completed(self.denoiser, args, kwargs)
        thread.factors, thread.text, thread.ran = None, None, set()
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
        if last is None or last.asked != free or not same(last.text, text):
            last = thread.last = self._recognised(text, free)
        if scope:
            scope.called(time, conditional=last.free < len(text[0]))
        if reader.opinion and last.said:
            # Asked now, where comparing the texts has waited for the device already.
            thread.share = share_at(reader.family, time, last.free)
        thread.factors, thread.text = last.factors, text

    @torch.compiler.disable
    def _after(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        thread, scope = self._thread, self._scope
        if thread.bare:
            return
        idle = sorted(set(self.sites) - thread.ran)
        thread.factors = thread.text = None
        if idle:
            raise UnhypeError(idle_sites(idle, len(self.sites)))
        reader = scope.reader if scope else next((hold.reader for hold in self.holds), None)
        if reader and reader.opinion and thread.last and thread.last.said:
            arguments = self.signature.bind_partial(module, *args, **kwargs).arguments
            last = thread.last
            text = tuple(route[last.free :] for route in last.text)
            drawn = Drawn(reader.family, arguments, output, last.free, last.said, text, thread.share)
            if is_time(reader.opinion, scope, drawn):
                self._look(reader, scope, drawn)

    def look_at_last(self) -> None:
        """Have the second opinion look at what the pipeline's call drew, where it was not time before.

        Raises:
            BeginAgain, UnhypeError: see :meth:`_look`.
        """
        scope = self._scope
        if scope and scope.drawn and scope.looked is None:
            self._look(scope.reader, scope, scope.drawn)

    def _look(self, reader: Reader, scope: Scope | None, drawn: Drawn) -> None:
        """Have the second opinion look at what is drawn; see :func:`unhype.adapters.looking.look`."""
        assert reader.opinion is not None
        meanwhile = attention_of(self.denoiser)
        own = scope.attention if scope else meanwhile
        self._thread.bare = True
        try:
            put_attention(self.denoiser, own, meanwhile)
            look(reader.opinion, reader.family, self.part, scope, drawn)
        finally:
            self._thread.bare = False
            put_attention(self.denoiser, meanwhile, own)

    @torch.compiler.disable
    def _factors(self, site: str, name: str) -> Factors | None:
        if self._thread.bare:
            return None
        if self._thread.factors is None:
            raise UnhypeError(
                f"got a call of {site!r} alone, wanted one of the whole {self.part} through a guarded pipeline: "
                "the guard has not read a prompt for it"
            )
        self._thread.ran.add(site)
        return self._thread.factors.get(site)

    @torch.compiler.disable
    def _reads(self, layer: nn.Module, args: tuple[Any, ...], output: Any, *, site: str, route: int) -> None:
        """Whether a layer of text has read what came to the denoiser: processors and hooks may put other text there."""
        if self._thread.text is None:
            return
        wanted, given = self._thread.text[route], args[0]
        if given is wanted:
            return
        begins = given[..., : wanted.shape[-1]]  # a picture's size may stand behind the pooled vector
        if begins.shape != wanted.shape or not torch.equal(begins, wanted.to(given)):
            raise UnhypeError(
                f"got other text at {site!r} than the {self.part} was called with, wanted the prompts themselves: undo "
                "hooks and attention processors that exchange it"
            )

    def _recognised(self, text: Rows, asked: int) -> _Call:
        """Who asked for each row, and the factors of all; none if all stay as they are."""
        rows = self._ledger.found(self._thread.scopes, keys(text))
        if unread := sum(row is None for row in rows):
            raise UnhypeError(
                f"got {unread} of {len(rows)} rows of text at the {self.part} that no guarded pipeline has read, "
                "wanted a call of a guarded pipeline with prompts: attach the guard to the pipeline that you call, and "
                "pass prompts, not embeddings"
            )
        known = [row for row in rows if row is not None]
        free = asked if all(row.negative for row in known[:asked]) else 0
        said, reader = self._said(known[free:]), self._scope.reader if self._scope else known[-1].reader
        distinct: list[Any] = []
        places = [-1] * free
        for each in said:
            place = next((k for k, other in enumerate(distinct) if other is each), -1)
            if place < 0 and not reader.silent(each):
                distinct.append(each)
                place = len(distinct) - 1
            places.append(place)
        factors: Mapping[str, Factors] = {}
        if distinct:
            index = torch.tensor(places, device=text[0].device)
            factors = {name: _spread(f, index) for name, f in reader.emit(reader.family, distinct).items()}
        return _Call(tuple(route.detach().clone() for route in text), asked, free, said, factors)

    def _said(self, rows: Sequence[Row]) -> list[Any]:
        """What rows say; with what was seen of their pictures, where these begin again."""
        said, scope = [row.said() for row in rows], self._scope
        if scope and scope.seen and scope.reader.opinion:
            family, amend = scope.reader.family, scope.reader.opinion.amend
            for row, one in enumerate(said):
                if seen := scope.seen.get(scope.picture(row, len(rows))):
                    said[row] = amend(family, one, seen)
        return said


def _spread(factors: Factors, index: torch.Tensor) -> Factors:
    """Adapters by place in the batch; place -1 has none."""
    index = index.to(factors.A.device)
    A, B = (torch.cat([part, torch.zeros_like(part[:1])]) for part in (factors.A, factors.B))
    return Factors(A[index], B[index])
