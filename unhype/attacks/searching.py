"""One search from its budget to its end: it is written down after every turn, and goes on where it was stopped.

Every draw follows from the seed and the number of the turn, so that a search which was stopped finds what it would have
found; with a budget in queries alone it is the same on every machine.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from unhype.errors import UnhypeError
from unhype.files import write_text

Memory = Mapping[str, Any]
"""What a method knows between two turns; JSON."""


@dataclass(frozen=True)
class Turn:
    """What a turn came to.

    Attributes:
        memory: what the next one is told.
        queries: prompts that the victim was asked about.
        offered: a text that is worth a check; may be empty.
    """

    memory: Memory
    queries: int
    offered: str = ""


class Search(Protocol):
    """A way to look for a text."""

    def begin(self, rng: np.random.Generator) -> Turn:
        """The first turn."""
        ...

    def step(self, memory: Memory, rng: np.random.Generator) -> Turn:
        """Another."""
        ...


@dataclass(frozen=True)
class Budget:
    """When a search gives up: whichever comes first.

    Attributes:
        seconds: of searching, interruptions apart; None for as long as it takes.
        queries: prompts that the victim is asked about, by its denoiser or for pictures; None for as many as it takes.
    """

    seconds: float | None = 60.0
    queries: int | None = None

    def __post_init__(self) -> None:
        if self.seconds is None and self.queries is None:
            raise UnhypeError("got no budget, wanted --budget SECONDS, --queries N or both")
        if self.seconds is not None and not 0 < self.seconds < float("inf"):
            raise UnhypeError(f"got --budget {self.seconds:g}, wanted more than 0 seconds")
        if self.queries is not None and self.queries < 1:
            raise UnhypeError(f"got --queries {self.queries}, wanted at least 1")

    def spent(self, state: State) -> bool:
        """Whether it is used up."""
        over = self.seconds is not None and state.seconds >= self.seconds
        return over or (self.queries is not None and state.queries >= self.queries)


@dataclass(frozen=True)
class State:
    """Where a search stands.

    Attributes:
        of: what is searched, by whom, from which seed: a search goes on with its own state alone.
        turn: how many were taken.
        checked: texts that were drawn and did not show the person.
        found: the text that did; empty until then.
    """

    of: str
    turn: int = 0
    queries: int = 0
    seconds: float = 0.0
    memory: Memory = field(default_factory=dict)
    checked: tuple[str, ...] = ()
    found: str = ""


def search(
    build: Callable[[], Search], check: Callable[[str, int], bool], budget: Budget, path: Path, of: str, seed: int
) -> Iterator[State]:
    """Search until something is found or the budget is spent; yields the state after each turn.

    Args:
        build: makes the method, which may draw; not called where nothing is left to do.
        check: whether a text has the person drawn; told how many were checked before, for seeds of its own.
        path: where the state is kept.
        of: see :class:`State`.
    """

    def over(state: State) -> bool:
        return bool(state.found) or budget.spent(state)

    state = _read(path, of)
    yield state
    if over(state):
        return
    method = build()
    while not over(state):
        began = time.monotonic()
        rng = np.random.default_rng([seed, int(hashlib.sha256(of.encode()).hexdigest()[:8], 16), state.turn])
        turn = method.begin(rng) if state.turn == 0 else method.step(state.memory, rng)
        queries, checked, found = state.queries + turn.queries, state.checked, ""
        if turn.offered and turn.offered not in checked:
            found = turn.offered if check(turn.offered, len(checked)) else ""
            queries, checked = queries + 1, checked if found else (*checked, turn.offered)
        seconds = state.seconds + time.monotonic() - began
        state = State(of, state.turn + 1, queries, seconds, turn.memory, checked, found)
        write_text(path, json.dumps(asdict(state)) + "\n")
        yield state


def _read(path: Path, of: str) -> State:
    """The state on the disk.

    Raises:
        UnhypeError: it is damaged, or another search's.
    """
    if not path.exists():
        return State(of)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        state = State(**{**told, "checked": tuple(told["checked"])})
    except (ValueError, TypeError, KeyError) as error:
        raise UnhypeError(f"got a damaged search in {path}, wanted one to go on with: delete it") from error
    if state.of != of:
        raise UnhypeError(f"got another search in {path}, wanted that of {of}: name another --out, or delete it")
    return replace(state, memory=dict(state.memory))
