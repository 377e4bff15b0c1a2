"""Output that never fails for a letter: a terminal or a log that lacks → or é gets a question mark in its place."""

from __future__ import annotations

import io
import sys


def show_anyway() -> None:
    """Let standard output and errors replace what their encoding lacks; call it before anything is printed."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
