"""The command line as a table: what people type, what they read, the exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from unhype import cli
from unhype.cli import main

VERBS = ("demo", "world", "verify", "measure", "pretrain")


def test_world_draws_the_same_gallery_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.png", "b.png"):
        assert main(["world", "--pictures", "5", "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert "5 pictures" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["verify", "nowhere"], ["no model folder nowhere"]),
        (["world", "--out", "{tmp}/file/x.png"], ["could not use", "{tmp}/file/x.png"]),
        (["demo", "--data", "{tmp}"], ["no model folder", "bases/mini-sd"]),
        (["demo", "--params", "{tmp}/absent.yaml"], ["got no file {tmp}/absent.yaml"]),
        (["demo", "--params", "{tmp}/wrong.yaml"], ["unknown key 'sampler'", "wrong.yaml"]),
        (["pretrain", "mini-sd", "--device", "abacus", "--work", "{tmp}"], ["got the device 'abacus'", "cpu"]),
    ],
)
def test_mistakes_are_one_line_and_exit_2(arguments: list[str], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("a file, no folder")
    (tmp_path / "wrong.yaml").write_text("sampler: {}\n")
    assert main([argument.format(tmp=tmp_path) for argument in arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("unhype: ")
    assert said.count("\n") == 1
    assert all(word.format(tmp=tmp_path) in said for word in words), said


@pytest.mark.parametrize("arguments", [["measure", "maxi-sd"], ["demo", "--pictures", "0"], ["forget"], []])
def test_misspelt_commands_exit_2_with_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: unhype" in capsys.readouterr().err


def test_ctrl_c_is_one_line_and_exit_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_verify", interrupted)
    assert main(["verify"]) == 130
    assert "the same command resumes" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_help_teaches_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([verb, "--help"])
    assert caught.value.code == 0
    assert f"Example: unhype {verb}" in capsys.readouterr().out


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, unhype.cli\ntry: unhype.cli.main(['--help'])\nexcept SystemExit: pass\nprint([m for m in ('torch', 'numpy', 'diffusers') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.endswith("[]\n")
