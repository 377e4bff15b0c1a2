"""What is asked of git: which files differ from a commit, and what they were there."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from unhype.errors import UnhypeError


def commit_of(reference: str) -> str:
    """The commit that a reference names.

    Raises:
        UnhypeError: no git, no repository, or no such commit, which a shallow clone may lack.
    """
    try:
        return _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}").strip()
    except subprocess.CalledProcessError as error:
        if _asked("rev-parse", "--is-inside-work-tree") != "true":
            raise UnhypeError(
                f"got no git repository in {Path.cwd()}, wanted one, to see which lists changed: run from the checkout"
            ) from error
        if _asked("rev-parse", "--is-shallow-repository") == "true":
            raise UnhypeError(
                f"got a shallow clone without the commit {reference}, wanted one that has it: git fetch --unshallow, "
                "or fetch-depth: 0 of actions/checkout"
            ) from error
        raise UnhypeError(
            f"got no commit {reference}, wanted a branch, tag or commit that git knows: git fetch, or name another"
        ) from error


def changed(commit: str, paths: Sequence[str]) -> list[str]:
    """Files below some paths that differ in the working tree from a commit, new and deleted ones among them."""
    differ = _git("diff", "--name-only", "--no-renames", "--relative", "-z", commit, "--", *paths)
    new = _git("ls-files", "--others", "--exclude-standard", "-z", "--", *paths)
    return sorted({path for path in (differ + new).split("\0") if path})


@contextmanager
def at(commit: str, paths: Sequence[str]) -> Iterator[Path]:
    """A folder with what lay below some paths at a commit; it is gone when the context closes."""
    with tempfile.TemporaryDirectory() as scratch:
        there = _git("ls-tree", "-r", "-z", "--name-only", commit, "--", *paths)
        for path in filter(None, there.split("\0")):
            target = Path(scratch) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_git("show", f"{commit}:./{path}"), encoding="utf-8")
        yield Path(scratch)


def commits_of(path: str) -> list[str]:
    """Commits that touched a file, the newest first."""
    return _git("log", "--format=%H", "--", path).split()


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, encoding="utf-8", check=True)
    except FileNotFoundError as error:
        raise UnhypeError("got no git, wanted it to see which lists changed: install git") from error
    return done.stdout


def _asked(*words: str) -> str:
    """What git answers, empty where it refuses."""
    try:
        return _git(*words).strip()
    except subprocess.CalledProcessError:
        return ""
