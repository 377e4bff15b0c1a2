"""What goes wrong below MLflow, in one line for a person. What is not known here is a bug and keeps its traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from unhype.errors import UnhypeError

KNOWN = {
    (
        "disk is full",
        "No space left",
        "Errno 28",
    ): "got no space left on the disk for {place}: free some and run the same command again",
    ("readonly database", "Read-only file system", "Permission denied", "unable to open database"): (
        "got no permission to write to {place}: make the folder writable for this user, or choose another"
    ),
    ("database is locked",): (
        "got {place} locked by another process for too long: "
        "wait for that one or stop it, then run the same command again"
    ),
    (
        "not a database",
        "is malformed",
    ): "got {place} damaged or not a database of MLflow: move it aside (a new one is made) or restore a copy of it",
    ("Connection refused", "Max retries exceeded", "failed with exception"): (
        "got no answer from MLflow at {place}: start that server, or unset "
        "MLFLOW_TRACKING_URI and MLFLOW_REGISTRY_URI; a flow goes on with: python flows/train_flow.py resume"
    ),
}
"""Signs in the text of an error → what to say."""


@contextmanager
def mlflow_errors(place: object) -> Iterator[None]:
    """Everything within speaks to a person about ``place``.

    Raises:
        UnhypeError: instead of an error of the disk, the database or the network.
    """
    try:
        yield
    except UnhypeError:
        raise
    except Exception as error:
        # MLflow wraps what SQLAlchemy wraps what sqlite said: the words survive, the classes do not.
        for signs, words in KNOWN.items():
            if any(sign in str(error) for sign in signs):
                raise UnhypeError(words.format(place=place)) from error
        raise
