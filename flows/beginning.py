"""How a flow begins: the environment first, then Metaflow; and how it tells a person's mistake.

Metaflow runs a flow's file again for each step, so all of this happens before every one of them.
"""

import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if (ROOT / "unhype").is_dir():
    sys.path.insert(0, str(ROOT))
else:  # a code package, where the flow and unhype lie beside each other: bases and lists are where it is started
    ROOT = Path.cwd()
# Metaflow refuses the user "root", and would keep its runs wherever it was started.
os.environ.setdefault("METAFLOW_USER", "unhype")
os.environ.setdefault("METAFLOW_DATASTORE_SYSROOT_LOCAL", str(ROOT))
# Shards of one machine take turns on its GPU, or on its cores: more at once only swap memory.
os.environ.setdefault("METAFLOW_RUN_MAX_WORKERS", "1")
os.environ.setdefault("METAFLOW_RESUME_MAX_WORKERS", "1")
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

from metaflow import FlowSpec, Parameter, current
from metaflow.cards import Image, Markdown, ProgressBar, Table
from metaflow.exception import MetaflowException

from unhype.terminal import show_anyway

# No step may fail for a letter that a log lacks.
show_anyway()


REFRESH = 60.0
"""Seconds between two looks at a card: each costs a process of its own."""

PACKAGE = {"sources": ["../unhype", "../params.yaml"], "suffixes": [".py", ".yaml", ".txt"]}
"""What a step on another machine needs besides the flow's own file; for ``@package_sources``."""


class Flow(FlowSpec):
    """What all flows have: where files are. No path of one machine is a default."""

    settings = Parameter("settings", default="", help="a file like params.yaml (default: the project's own)")
    data = Parameter(
        "data", default="", help="folder of bases, judges, concept sets, prompts and images (default: the project's)"
    )
    build = Parameter("build", default="", help="folder of guards, checkpoints and reports (default: the project's)")
    store = Parameter(
        "store", default="", help="folder of MLflow's database and artifacts (default: the project; see also README)"
    )

    def place(self, parameter):
        """The folder or file that a parameter names, else the project's own."""
        usual = {"settings": "params.yaml", "data": "data", "build": "build", "store": "."}
        named = getattr(self, parameter)
        return Path(named) if named else ROOT / usual[parameter]

    def params(self):
        """The settings."""
        from unhype.params import load_params

        return load_params(self.place("settings"))

    def listed(self):
        """The concept set and its file, if it is still the one with which this run began (``self.content``)."""
        from unhype.concepts.loading import load_set, set_path
        from unhype.errors import UnhypeError

        folder = self.place("data") / "concepts"
        concepts, path = load_set(self.concepts, folder), set_path(self.concepts, folder)
        if concepts.content_hash() != self.content:
            raise UnhypeError(
                f"got the concept set {path} with the content {concepts.content_hash()[:12]}, "
                f"wanted {self.content[:12]} as this run validated it: put it back, or start a new run"
            )
        return concepts, path

    def look_at(self, examined):
        """A shard of what is examined: draw it, let the judge look, and keep both for :meth:`join`."""
        from unhype.evaluation.shards import Shard
        from unhype.pipeline.carrying import pack

        shard = Shard(self.input, self.shards)
        current.card.append(Markdown(f"# Shard {self.input + 1} of {self.shards}"))
        watched(examined.draw(shard))
        watched(examined.look(shard))
        self.seen = examined.judge.memory if examined.judge else {}
        self.pictures = pack(examined.job.data, examined.pictures(shard))

    def join(self, inputs):
        """What the judge saw in all shards; their pictures are put where they are not found."""
        from unhype.pipeline.carrying import unpack

        for shard in inputs:
            unpack(shard.pictures, self.place("data"))
        return {key: seen for shard in inputs for key, seen in shard.seen.items()}

    def registry(self):
        """The store of runs and models."""
        from unhype.registry.store import open_store

        return open_store(self.place("store"))


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


def watched(reports):
    """Tell of progress in the log, and on the card of a step that has one; nothing else is done with the reports."""
    from unhype.progress import with_progress

    bars, looked = {}, time.monotonic()
    for report in with_progress(reports):
        if report.part not in bars:
            bars[report.part] = ProgressBar(max=max(report.total, 1), label=report.part)
            current.card.append(bars[report.part])
        bars[report.part].update(report.done)
        if time.monotonic() - looked > REFRESH:
            current.card.refresh()
            looked = time.monotonic()


def show_table(title, table):
    """Put a header and its rows onto the card; nothing without rows."""
    header, rows = table
    if rows:
        current.card.append(Markdown(f"## {title}"))
        current.card.append(Table([[str(cell) for cell in row] for row in rows], headers=list(header)))


def show_decision(title, decision):
    """Put what the gates decided onto the step's card, in place of its bars: tables and pictures."""
    current.card.clear()
    current.card.append(Markdown(f"# {title}\n\n{decision.table}"))
    for path in decision.files:
        if path.suffix == ".png":
            current.card.append(Image(path.read_bytes(), label=path.stem))
