"""Seeds: the whole numbers that a torch generator takes, each with noise of its own."""

from __future__ import annotations

import re

from unhype.errors import UnhypeError

HIGHEST = 2**64 - 1
"""A torch generator holds 64 bits. It takes negative numbers too, counted from the end: nobody means that."""

RANGE = f"from 0 to {HIGHEST} (2^64 - 1)"


def check_seed(seed: int, where: str, count: int = 1) -> int:
    """The seed, if it and the ``count - 1`` that follow are seeds.

    Args:
        where: what named it, for the error message.

    Raises:
        UnhypeError: it is negative or too large for a generator.
    """
    if not 0 <= seed <= HIGHEST + 1 - count:
        plus = f" for {count} pictures, whose seeds count on" if count > 1 else ""
        shown = str(seed) if abs(seed) < 10**30 else "a number of more than 30 digits"
        raise UnhypeError(f"got {shown} as {where}{plus}, wanted a whole number {RANGE}, which a generator takes")
    return seed


def read_seed(text: str, where: str) -> int:
    """A seed that somebody wrote: plain digits, blanks around them.

    Raises:
        UnhypeError: no digits, or see :func:`check_seed`.
    """
    # int() would also take 1_000 and the digits of other scripts, isdigit() even a superscript two.
    if not re.fullmatch(r"\s*[0-9]+\s*", text):
        raise UnhypeError(f"got {text[:40]!r} as {where}, wanted a whole number {RANGE}, which a generator takes")
    digits = text.strip().lstrip("0") or "0"
    return check_seed(int(digits) if len(digits) <= 30 else 10**30, where)
