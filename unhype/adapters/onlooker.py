"""Looking on while the bare base draws: nobody reads its prompts, nothing is adapted, and nothing begins again.

What is seen so is what a second opinion sees under guard, call by call: the same code looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from unhype.adapters.looking import Look, Opinion
from unhype.adapters.lora import Factors
from unhype.adapters.rows import Texts, Watchable
from unhype.adapters.watching import attach


@contextmanager
def looking_on(family: Watchable, share: float, look: Look) -> Iterator[None]:
    """Have each call of the family's pipeline looked at, while the context is open.

    Args:
        share: how far into the noise; see :class:`unhype.adapters.looking.Opinion`.
        look: it must see nothing (-1 in each row), or what it sees is drawn anew for ever.

    Raises:
        UnhypeError: a pipeline that is adapted already.
    """
    opinion = Opinion(share, look, _as_said)
    detach = attach(family, _nothing_read, _no_factors, opinion, opinion=opinion)
    try:
        yield
    finally:
        detach()


def _nothing_read(family: Any, rows: Sequence[Texts]) -> list[None]:
    return [None] * len(rows)


def _no_factors(family: Any, said: Sequence[Any]) -> Mapping[str, Factors]:
    return {}


def _as_said(family: Any, said: Any, seen: Sequence[int]) -> Any:
    return said
