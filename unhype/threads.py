"""How threads wait for each other: a moment awake, then asleep, so that a core that somebody else needs is given up.

torch computes with GNU OpenMP, whose threads meet many times a picture and wait by spinning, 300,000 turns before they
sleep. That is quickest where every thread has a core. Where another process keeps one, a thread spins for one that is
not even running, in the core in which it could run: pictures take thirty times as long.

OpenMP reads its settings once, when torch is loaded: call :func:`wait_briefly` before that.
"""

from __future__ import annotations

import os

SETTINGS = {"GOMP_SPINCOUNT": "1000"}
"""What is set: some twenty microseconds, in which threads that run side by side meet awake."""


def wait_briefly() -> None:
    """Set how threads wait, where the user has not said it."""
    if "OMP_WAIT_POLICY" not in os.environ:
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
