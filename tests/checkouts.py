"""A small checkout of the project, in a repository of its own: code and stages, one base, one list and toy settings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

LIST = """
name: {name}
kind: people
source: a test
forget:
  - {{concept: Cher, anchor: a woman}}
  - {{concept: Prince, anchor: a man}}
retain: [Amy Adams, Drake]
evaluation: [Aaron Paul]
"""

POP = LIST.format(name="pop")


def settings(rows: int = 8, strata: int = 4, samples: int = 50, steps: int = 40) -> str:
    """Of a job at toy size whose gates let everything pass: rows of a role, pictures of a stratum, bootstrap, S."""
    return f"""
sampling: {{steps: 2, guidance: 4.0, batch: 8}}
prompts: {{per_role: {rows}}}
gates:
  {{least: 1, strata: {strata}, forgotten: 1, worst: 1, faces: 0, aliases: 1, unseen: 0, near_misses: 0, mixed_gone: 1,
  mixed_kept: 0, drift: 1, margin: 1, samples: {samples}}}
monitor:
  steps: 2
  pictures: {{alone: 2, company: 2, nobody: 2, between: 2}}
  net: {{width: 8}}
  schedule: {{steps: 3, batch: 4, rate: 1.0e-3}}
training:
  hypernet: {{rank: 2, alpha: 1.0, steps: {steps}, hidden: 16, basis: 4}}
  schedule: {{steps: 4, batch: 2, rate: 1.0e-3}}
  retained: 2
  gamma: 0.25
  pictures: 1
"""


CODE = (
    "unhype",
    "flows",
    "dvc.yaml",
    "pyproject.toml",
    "Makefile",
    ".gitignore",
    ".dvcignore",
    ".dvc/config",
    ".dvc/plots",
)
DATA = ("bases/mini-sd", "judges")


def make_checkout(place: Path) -> None:
    """Fill a folder and commit it: the list ``soul`` is in it, and nothing has run."""
    for name in (*CODE, *(f"data/{part}" for part in DATA)):
        source, target = ROOT / name, place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    (place / "params.yaml").write_text(settings())
    (place / "data" / "concepts").mkdir()
    (place / "data" / "concepts" / "soul.yaml").write_text(LIST.format(name="soul").replace("Drake", "Adele"))
    git(place, "init", "--quiet")
    for name, value in (("user.name", "test"), ("user.email", "test@example.org"), ("commit.gpgsign", "false")):
        git(place, "config", name, value)
    commit(place, "code, and one list")


def commit(place: Path, message: str) -> None:
    """All that git does not ignore."""
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--message", message)


def git(place: Path, *words: str) -> str:
    """What git says."""
    return subprocess.run(["git", *words], cwd=place, check=True, capture_output=True, text=True).stdout


def environment(place: Path) -> dict[str, str]:
    """For commands of the checkout: its own code, this Python, and no store but its own."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = {**os.environ, "PATH": path, "PYTHONPATH": str(place), "OMP_NUM_THREADS": "2"}
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "METAFLOW_DATASTORE_SYSROOT_LOCAL"):
        found.pop(variable, None)
    return found
