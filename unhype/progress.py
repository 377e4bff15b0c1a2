"""Progress for a person: a bar in a terminal, a line now and then where output is collected (a flow's step, a log)."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from tqdm import tqdm


@dataclass(frozen=True)
class Progress:
    """Where a part stands: ``done`` of ``total``.

    Attributes:
        part: what is being done, such as "training".
        loss: of a training step; None where there is nothing to lose.
    """

    part: str
    done: int
    total: int
    loss: float | None = None


SECONDS = 10.0
"""Between two lines."""


def with_progress(reports: Iterator[Progress]) -> Iterator[Progress]:
    """Pass reports on and tell of them, part by part."""
    for _part, of_part in groupby(reports, key=lambda report: report.part):
        if sys.stderr.isatty():
            yield from _bar(of_part)
        else:
            yield from _lines(of_part)


def _bar(reports: Iterator[Progress]) -> Iterator[Progress]:
    first = next(reports)
    with tqdm(total=first.total, initial=first.done, desc=first.part, dynamic_ncols=True) as bar:
        yield first
        for report in reports:
            bar.update(report.done - bar.n)
            yield report


def _lines(reports: Iterator[Progress]) -> Iterator[Progress]:
    began = spoke = time.monotonic()
    first: Progress | None = None
    for report in reports:
        if first is None and report.done and report.loss is None:  # a first step is not there already, it is done
            print(f"{report.part}: {report.done} of {report.total} are there already", flush=True)
        first = first or report
        now = time.monotonic()
        if now - spoke > SECONDS or report.done == report.total:
            rate = (report.done - first.done) / max(now - began, 1e-9)
            left = f", {(report.total - report.done) / rate:.0f} s left" if rate and report.done < report.total else ""
            print(f"{report.part}: {report.done} of {report.total}{left}", flush=True)
            spoke = now
        yield report
