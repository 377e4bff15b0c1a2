"""What goes wrong below DVC: it logs an error with each file that it could not copy, and goes on. Here it is heard."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

LOGGERS = ("dvc", "dvc_data", "dvc_objects")


@contextmanager
def heard() -> Iterator[list[BaseException]]:
    """Errors that DVC logs within, in their order; none of them is printed."""
    causes: list[BaseException] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1]:
                causes.append(record.exc_info[1])

    listener = Listener()
    before = {name: (logging.getLogger(name).handlers, logging.getLogger(name).propagate) for name in LOGGERS}
    for name in LOGGERS:
        logging.getLogger(name).handlers, logging.getLogger(name).propagate = [listener], False
    try:
        yield causes
    finally:
        for name, (handlers, propagate) in before.items():
            logging.getLogger(name).handlers, logging.getLogger(name).propagate = handlers, propagate
