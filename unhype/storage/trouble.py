"""What goes wrong below DVC, in one line for a person. What is not known here is a bug and keeps its traceback."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unhype.errors import UnhypeError
from unhype.files import describe

LOGGERS = ("dvc", "dvc_data", "dvc_objects")

KNOWN = {
    ("dependencies", "s3fs"): "got {remote}, which wants more than is installed, wanted dvc-s3 beside DVC: "
    "pip install 'unhype[s3]'",
    ("no remote specified",): "got no remote, wanted a place that the team shares: "
    "dvc remote add --default NAME s3://BUCKET/FOLDER",
    ("doesn't exist", "config file error"): "got {remote}, which DVC can't use ({error}): see dvc remote list",
    ("Unable to locate credentials", "credentials"): "got no credentials for {remote}, wanted AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, or a profile (dvc remote modify --local NAME profile PROFILE)",
    ("xpired", "Token", "Access Key", "AccessKey", "SignatureDoesNotMatch", "signature we calculated"): (
        "got credentials that {remote} refuses ({error}), perhaps expired, wanted ones that are valid now: log in "
        "again, and run the same command again"
    ),
    ("Access Denied", "AccessDenied", "Forbidden", "Permission denied", "Read-only file system"): (
        "got no permission at {remote} ({error}), wanted to read, and for a push to write there: ask who keeps it"
    ),
    ("bucket does not exist", "NoSuchBucket"): "got {remote}, whose bucket does not exist: create it, or see "
    "dvc remote list",
    ("connect", "Connect", "timed out", "timeout", "Name or service", "name resolution", "endpoint URL"): (
        "got no answer from {remote} ({error}): check the network and its address (dvc remote list), and run the same "
        "command again; what was copied stays"
    ),
}
"""Signs in the text of an error → what to say; the first that fits."""


@contextmanager
def heard() -> Iterator[list[BaseException]]:
    """Errors that DVC logs within: one for each file that it could not copy, and goes on. None of them is printed."""
    causes: list[BaseException] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1]:
                causes.append(record.exc_info[1])

    listener, loggers = Listener(), [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [listener], False
    try:
        yield causes
    finally:
        for logger, (handlers, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate


@contextmanager
def plainly(remote: str) -> Iterator[None]:
    """Everything within speaks to a person about a remote, which is named as in "the remote team".

    Raises:
        UnhypeError: instead of an error of the remote, the network or DVC's settings.
    """
    try:
        yield
    except UnhypeError:
        raise
    except Exception as error:
        raise UnhypeError(told(error, remote)) from error


def told(error: BaseException, remote: str) -> str:
    """One line about what a remote did; raises the error itself if it is of no known kind."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    for signs, words in KNOWN.items():
        if any(sign in text for sign in signs):
            return words.format(remote=remote, error=text[:200])
    if isinstance(error, OSError) and error.errno:
        return describe(error, Path(str(error.filename or remote)))
    raise error
