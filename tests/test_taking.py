"""What pages show is taken over by a chore of its own: by name, whole, and never in silence where there is nothing."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

take: Callable[[Path, list[str]], list[str]] = runpy.run_path(
    str(Path(__file__).resolve().parent.parent / "experiments" / "taking.py")
)["take"]


def measured(root: Path, base: str, concepts: str) -> None:
    folder = root / "build" / "results" / base / concepts
    folder.mkdir(parents=True)
    (folder / "scores.json").write_text(f'"{base} {concepts}"')
    (folder / "gallery.png").write_bytes(concepts.encode())


def test_scores_are_kept_by_base_and_the_shown_gallery_with_them(tmp_path: Path) -> None:
    for base, concepts in (("mini-sd", "celeb100"), ("mini-flux", "celeb100"), ("mini-sd", "objects")):
        measured(tmp_path, base, concepts)
    assert take(tmp_path, ["objects"]) == ["data/scores/mini-sd/objects.json"]
    flux = ["data/scores/mini-flux/celeb100.json", "docs/images/erasure-flux.png"]
    assert take(tmp_path, ["celeb100", "--base", "mini-flux"]) == flux
    assert take(tmp_path, ["celeb100"]) == ["data/scores/mini-sd/celeb100.json", "docs/images/erasure.png"]
    assert take(tmp_path, ["celeb100"]) == []
    assert (tmp_path / "data/scores/mini-sd/objects.json").read_text() == '"mini-sd objects"'


def test_what_was_not_measured_is_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="wanted what a job measured"):
        take(tmp_path, ["celeb100"])


def test_reports_of_attacks_are_taken_over_as_far_as_they_are_there(tmp_path: Path) -> None:
    (tmp_path / "attacks").mkdir()
    (tmp_path / "attacks" / "words.json").write_text("{}")
    asked = ["celeb100", "--attacked", "attacks"]
    assert take(tmp_path, asked) == ["data/scores/mini-sd/celeb100-attack-words.json"]
    (tmp_path / "attacks" / "unmonitored").mkdir()
    (tmp_path / "attacks" / "unmonitored" / "words.json").write_text("{}")
    assert take(tmp_path, asked) == ["data/scores/mini-sd/celeb100-attack-words-unmonitored.json"]
    (tmp_path / "attacks" / "unmonitored" / "words.json").unlink()
    (tmp_path / "attacks" / "words.json").unlink()
    with pytest.raises(SystemExit, match=r"attacks/tokens\.json"):
        take(tmp_path, asked)


def test_a_board_is_taken_over_with_its_picture(tmp_path: Path) -> None:
    (tmp_path / "board").mkdir()
    for name in ("board.json", "pareto.png"):
        (tmp_path / "board" / name).write_text(name)
    asked = ["--board", "board"]
    assert take(tmp_path, ["celeb100", *asked]) == [
        "data/scores/mini-sd/celeb100-board.json",
        "docs/images/attacks.png",
    ]
    flux = ["data/scores/mini-flux/celeb100-board.json", "docs/images/attacks-flux.png"]
    assert take(tmp_path, ["celeb100", "--base", "mini-flux", *asked]) == flux
    assert take(tmp_path, ["objects", *asked]) == ["data/scores/mini-sd/objects-board.json"]
