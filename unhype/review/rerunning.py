"""The stages of some lists, brought up to date one after the other: which ran, which were skipped, which failed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from unhype.errors import UnhypeError

RAN, SKIPPED, FAILED = "ran", "skipped", "failed"

TAIL = 20
"""Lines of a failed stage that are told."""


@dataclass(frozen=True)
class Outcome:
    """One stage.

    Attributes:
        status: ran, skipped because nothing that it depends on has changed, or failed.
        tail: its last lines, where it failed.
    """

    stage: str
    status: str
    seconds: float = 0.0
    tail: str = ""


def rerun(stages: Iterable[str], environment: Mapping[str, str]) -> Iterator[Outcome]:
    """Bring stages up to date, in this order, and stop at the first that fails. The working folder is the project's.

    Args:
        environment: variables for their commands, besides those of this process.
    """
    for stage in stages:
        if not stale(stage):
            yield Outcome(stage, SKIPPED)
            continue
        began = time.monotonic()
        # Not from DVC's run cache: a guard is judged beside the champion of now, not of then.
        code, tail = _told("dvc", "repro", "--single-item", "--no-run-cache", stage, environment=environment)
        yield Outcome(stage, FAILED if code else RAN, time.monotonic() - began, tail if code else "")
        if code:
            return


def stale(stage: str) -> bool:
    """Whether something that a stage depends on, or its results, are others than when it ran last.

    Raises:
        UnhypeError: DVC can't say.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(Path.cwd())) as repo:
            return bool(repo.status([stage]))
    except DvcException as error:
        raise UnhypeError(f"got no answer from DVC on the stage {stage} ({error}): see dvc status {stage}") from error


def _told(module: str, *words: str, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a module and let its output through; returns its exit code and last lines."""
    # A stage runs whichever python and unhype come first.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with subprocess.Popen(
        [sys.executable, "-m", module, *words],
        env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as running:
        assert running.stdout is not None
        last: deque[str] = deque(maxlen=TAIL)
        for line in running.stdout:
            print(line, end="", flush=True)
            last.append(line)
    return running.returncode, "".join(last).strip()
