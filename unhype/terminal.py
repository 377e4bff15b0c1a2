"""What a person sees in a terminal: our own words, none of the libraries' chatter, and no failure for a letter."""

from __future__ import annotations

import io
import sys


def show_anyway() -> None:
    """Let standard output and errors put a question mark for what their encoding lacks, such as → or é.

    Call it before anything is printed.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def quiet() -> None:
    """Turn off the libraries' own bars and chatter about loading files; errors still come through."""
    import diffusers.utils.logging
    import transformers.utils.logging

    for logging in (diffusers.utils.logging, transformers.utils.logging):
        logging.disable_progress_bar()
        logging.set_verbosity_error()
