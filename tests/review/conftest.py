"""A small repository with lists, under git, which is the working folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

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

SETTINGS = "{sampling: {steps: 2}, gates: {least: 1}, pretraining: {seed: 1}}"


class Checkout:
    """A repository with the lists ``pop`` and ``soul``, and ``hits``, which extends ``pop``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def git(self, *words: str, folder: Path | None = None) -> str:
        who = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
        command = ["git", *who, *words]
        return subprocess.run(command, cwd=folder or self.folder, check=True, capture_output=True, text=True).stdout

    def write(self, name: str, old: str = "", new: str = "") -> None:
        path = self.folder / "data" / "concepts" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(LIST.format(name=name).replace(old, new), encoding="utf-8")

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a change")
        return self.git("rev-parse", "HEAD").strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = Checkout(tmp_path / "checkout")
    made.folder.mkdir()
    made.write("pop")
    made.write("soul")
    (made.folder / "data" / "bases" / "mini-sd").mkdir(parents=True)
    (made.folder / "data" / "bases" / "mini-sd" / "card.json").write_text("{}")
    made.write("hits", "retain: [Amy Adams, Drake]", "extends: [pop]\nretain: [Adele]")
    (made.folder / "params.yaml").write_text(SETTINGS)
    (made.folder / "dvc.yaml").write_text("stages: {}\n")
    made.git("init", "--quiet", "--initial-branch", "main")
    made.commit()
    monkeypatch.chdir(made.folder)
    return made
