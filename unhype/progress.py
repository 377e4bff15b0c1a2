"""Progress for a person: a bar in a terminal, a line now and then where output is collected (a flow's step, a log)."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import groupby
from typing import Protocol, TypeVar

from tqdm import tqdm


class Progress(Protocol):
    """Where a part stands."""

    @property
    def part(self) -> str: ...
    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...


P = TypeVar("P", bound=Progress)

SECONDS = 10.0
"""Between two lines."""


def with_progress(reports: Iterator[P]) -> Iterator[P]:
    """Pass reports on and tell of them, part by part."""
    for _part, of_part in groupby(reports, key=lambda report: report.part):
        if sys.stderr.isatty():
            yield from _bar(of_part)
        else:
            yield from _lines(of_part)


def _bar(reports: Iterator[P]) -> Iterator[P]:
    first = next(reports)
    with tqdm(total=first.total, initial=first.done, desc=first.part, dynamic_ncols=True) as bar:
        yield first
        for report in reports:
            bar.update(report.done - bar.n)
            yield report


def _lines(reports: Iterator[P]) -> Iterator[P]:
    began = spoke = time.monotonic()
    first: P | None = None
    for report in reports:
        first = first or report
        now = time.monotonic()
        if now - spoke > SECONDS or report.done == report.total:
            rate = (report.done - first.done) / max(now - began, 1e-9)
            left = f", {(report.total - report.done) / rate:.0f} s left" if rate and report.done < report.total else ""
            print(f"{report.part}: {report.done} of {report.total}{left}", flush=True)
            spoke = now
        yield report
