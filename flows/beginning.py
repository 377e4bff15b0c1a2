"""How a flow begins: the environment first, then Metaflow; and how it tells a person's mistake.

Metaflow runs a flow's file again for each step, so all of this happens before every one of them.
"""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if (ROOT / "unhype").is_dir():
    sys.path.insert(0, str(ROOT))
# Metaflow refuses the user "root", and would keep its runs wherever it was started.
os.environ.setdefault("METAFLOW_USER", "unhype")
os.environ.setdefault("METAFLOW_DATASTORE_SYSROOT_LOCAL", str(ROOT))
for name, value in {
    "TRANSFORMERS_VERBOSITY": "error",
    "DIFFUSERS_VERBOSITY": "error",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}.items():
    os.environ.setdefault(name, value)

from unhype.offline import option, stay_offline
from unhype.threads import wait_wisely

stay_offline(option(sys.argv, "--base"), Path(option(sys.argv, "--settings") or ROOT / "params.yaml"))
wait_wisely()

from metaflow import current
from metaflow.cards import Image, Markdown
from metaflow.exception import MetaflowException

from unhype.terminal import show_anyway

# No step may fail for a letter that a log lacks.
show_anyway()


class Refused(MetaflowException):
    """A person's mistake, which Metaflow then tells in a line and without a traceback."""

    headline = "unhype"


@contextmanager
def plainly():
    """Turn our errors for people into Metaflow's."""
    from unhype.errors import UnhypeError

    try:
        yield
    except UnhypeError as error:
        raise Refused(str(error)) from error


def show_decision(title, decision):
    """Put what the gates decided onto the step's card: tables and pictures."""
    current.card.append(Markdown(f"# {title}\n\n{decision.table}"))
    for path in decision.files:
        if path.suffix == ".png":
            current.card.append(Image(path.read_bytes(), label=path.stem))
