"""``unhype concepts``: what people type, what they read."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from unhype.cli.concepts import WIDTH, add_commands
from unhype.errors import UnhypeError

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "data" / "concepts"
GOOD = """
forget: [{concept: Adam Driver, anchor: a man, aliases: [Driver]}]
retain: [Ada Lovelace]
evaluation: [Aaron Paul]
"""

Write = Callable[[str, str], Path]


def run(*arguments: str) -> None:
    parser = argparse.ArgumentParser(prog="unhype")
    add_commands(parser.add_subparsers(required=True))
    options = parser.parse_args(["concepts", *arguments])
    options.run(options)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_list_counts(capsys: pytest.CaptureFixture[str]) -> None:
    run("list", "--folder", str(SHIPPED))
    said = capsys.readouterr().out
    assert "celeb100  people       100" in said
    assert max(map(len, said.splitlines())) <= WIDTH


@pytest.mark.parametrize("name", ["celeb100", "objects", "nudity"])
def test_show_fits_the_terminal(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("show", name, "--folder", str(SHIPPED))
    said = capsys.readouterr().out
    assert "evaluation (" in said
    assert max(map(len, said.splitlines())) <= WIDTH


def test_validate_writes_a_report_and_says_so(write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("good", GOOD)
    run("validate", "good", "--folder", str(tmp_path), "--json", "good.json")
    assert "good: valid, 11 of 11 rules hold" in capsys.readouterr().out
    assert "valid" in (tmp_path / "build" / "reports" / "good.html").read_text()
    assert json.loads((tmp_path / "good.json").read_text())["ok"] is True


def test_a_bad_set_ends_in_one_line_after_its_summary(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("good", GOOD)
    path = write("bad", GOOD.replace("[Ada Lovelace]", "[a driver]"))
    with pytest.raises(UnhypeError) as caught:
        run("validate", "--folder", str(tmp_path))
    line = str(caught.value)
    assert "\n" not in line
    assert all(word in line for word in (str(path), "retain 1 'a driver'", "not_forgotten", "remove it"))
    said = capsys.readouterr().out
    assert "bad: NOT valid, 10 of 11 rules hold" in said
    assert "fail not_forgotten" in said
    assert "good: valid" in said
    assert (tmp_path / "build" / "reports" / "bad.html").exists()


@pytest.mark.slow
def test_a_base_is_asked_whether_its_judge_can_tell(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = "forget: [{{concept: {}, anchor: a man}}]\nretain: [Ada Lovelace]\nevaluation: [Jackie Chan]"
    base = ["--base", "mini-sd", "--data", str(ROOT / "data"), "--folder", str(tmp_path)]
    write("lower", content.format("elon musk"))
    run("validate", "lower", "--folder", str(tmp_path))
    with pytest.raises(UnhypeError, match="did you mean Elon Musk") as caught:
        run("validate", "lower", *base)
    assert "\n" not in str(caught.value)
    write("upper", content.format("Elon Musk"))
    run("validate", "upper", *base)
    assert "upper: valid" in capsys.readouterr().out


def test_diff_tells_changes_or_none(write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, same = write("old", GOOD), write("same", GOOD)
    new = write("new", GOOD.replace("a man", "a person"))
    run("diff", str(old), str(same))
    assert capsys.readouterr().out.startswith("old and same ask for the same")
    run("diff", str(old), str(new))
    said = capsys.readouterr().out
    assert "~ forget  Adam Driver: anchor a man → a person" in said
    assert "0 added, 0 removed, 1 changed" in said


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["show", "celeb"], "did you mean celeb10"),
        (["validate", "celeb10", "zebra"], "'zebra'"),
        (["validate", "celeb10", "celeb100", "--report", "x.html"], "name one set"),
        (["diff", "celeb10", "absent.yaml"], "got no file absent.yaml"),
        (["list", "--folder", "nowhere"], "got no folder nowhere"),
        (["list", "--folder", "."], "got no concept set in ."),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], word: str) -> None:
    if "--folder" not in arguments:
        arguments = [*arguments, "--folder", str(SHIPPED)]
    with pytest.raises(UnhypeError) as caught:
        run(*arguments)
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_new_set_is_valid_a_stage_and_read_by_every_verb(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--folder", str(tmp_path / "data" / "concepts")]
    (tmp_path / "data" / "concepts").mkdir(parents=True)
    (tmp_path / "data" / "bases" / "mini-sd").mkdir(parents=True)
    (tmp_path / "data" / "bases" / "mini-sd" / "card.json").write_text("{}")
    write("good", GOOD).rename(tmp_path / "data" / "concepts" / "good.yaml")
    run("new", "mine", "--forget", "Adam Driver", "Cher=a woman", "--like", "good", *folder)
    said = capsys.readouterr().out
    assert "lists.yaml: +good, +mine, +mini-sd-good, +mini-sd-mine changed" in said
    assert "dvc repro -s erase@mini-sd-mine" in said
    run("validate", "mine", *folder)
    run("diff", "good", "mine", *folder)
    assert "+ forget  Cher → a woman" in capsys.readouterr().out
    for again in (
        ["mine", "--forget", "Cher=a woman"],
        ["other", "--forget", "Sting"],
        ["a.b", "--forget", "Adam Driver"],
    ):
        before = sorted(tmp_path.rglob("*.yaml"))
        with pytest.raises(UnhypeError):
            run("new", *again, "--like", "good", *folder)
        assert sorted(tmp_path.rglob("*.yaml")) == before, "nothing half-written"
    with pytest.raises(UnhypeError, match="got the base 'maxi-sd' under bases"):
        run("new", "other", "--forget", "Adam Driver", "--like", "good", "--bases", "maxi-sd", *folder)


def test_accepting_tells_what_changed_and_a_removal_wants_a_word(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--folder", str(tmp_path / "concepts")]
    (tmp_path / "concepts").mkdir()

    def put(text: str) -> None:
        write("good", text).rename(tmp_path / "concepts" / "good.yaml")

    put(GOOD)
    run("accept", "good", *folder)
    assert "new; {'forget': 1" in capsys.readouterr().out
    put(GOOD.replace("forget: [", "forget: [{concept: Cher, anchor: a woman}, "))
    run("accept", "good", *folder)
    assert "+ forget  Cher → a woman" in capsys.readouterr().out
    put(GOOD)
    with pytest.raises(UnhypeError, match=r"good without Cher, .* --allow-removal"):
        run("accept", "good", *folder)
    run("accept", "good", "--allow-removal", *folder)
    assert "1 removed" in capsys.readouterr().out
    put(GOOD.replace("[Ada Lovelace]", "[a driver]"))
    with pytest.raises(UnhypeError, match="not_forgotten"):
        run("accept", "good", *folder)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_a_terminal_without_arrows_shows_the_rest(encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "unhype", "concepts", "show", "celeb10"],
        cwd=ROOT,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=True,
    )
    said = done.stdout.decode(encoding)
    assert f"{'→' if encoding == 'utf-8' else '?'} a man" in said
    assert "evaluation (" in said
    assert not done.stderr


def test_registering_imports_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "pandas", "great_expectations", "diffusers")
    code = f"import sys, unhype.cli.concepts; print([m for m in {heavy} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"
