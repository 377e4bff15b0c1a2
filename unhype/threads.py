"""How threads wait for each other: awake where every thread has a core, a moment where somebody else keeps one.

torch computes with GNU OpenMP, whose threads meet many times a picture and wait by spinning, 300,000 turns before they
sleep. That is quickest where every thread has a core. Where another process keeps one, a thread spins for one that is
not even running, in the core in which it could run: pictures take thirty times as long. So the cores are looked at.

OpenMP reads its settings once, when torch is loaded: call :func:`wait_wisely` before that. What is computed does not
depend on it: the number of threads stays.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

BRIEF = "1000"
"""Turns where a core is taken: some twenty microseconds, in which threads that do run side by side meet awake."""

SPINS, OURS = "GOMP_SPINCOUNT", "UNHYPE_SPINCOUNT"
"""OpenMP's setting; and ours beside it, by which a process that we start knows that nobody else has set the first."""

TAKEN = 0.4
"""Cores that others keep busy, from which on threads wait briefly."""

LOOK = 0.12
"""Seconds of looking; the system counts in hundredths."""


def wait_wisely() -> None:
    """Set how threads wait, where the user has not said it; every process looks for itself."""
    chosen = os.environ.get(SPINS)
    if "OMP_WAIT_POLICY" in os.environ or (chosen is not None and chosen != os.environ.get(OURS)):
        return
    if busy_cores() >= TAKEN:
        os.environ[SPINS] = os.environ[OURS] = BRIEF
    elif chosen is not None:
        del os.environ[SPINS], os.environ[OURS]


def busy_cores(stat: Path = Path("/proc/stat"), seconds: float = LOOK) -> float:
    """How many cores are at work while this process sleeps; 0 where the system does not tell."""
    try:
        before, began = _worked(stat), time.monotonic()
        time.sleep(seconds)
        after, ended = _worked(stat), time.monotonic()
    except (OSError, ValueError, IndexError):
        return 0.0
    return (after - before) / os.sysconf("SC_CLK_TCK") / (ended - began)


def _worked(stat: Path) -> int:
    """Ticks of all cores in programs and the system, since the machine started."""
    user, nice, system = stat.read_text(encoding="ascii").split("\n", 1)[0].split()[1:4]
    return int(user) + int(nice) + int(system)
