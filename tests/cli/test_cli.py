"""The command line as a table: what people type, what they read, the exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from unhype.cli import comparing
from unhype.cli import miniature as cli
from unhype.cli.main import main

ROOT = Path(__file__).resolve().parent.parent.parent
VERBS = (
    "demo",
    "world",
    "verify",
    "measure",
    "pretrain",
    "concepts",
    "prompts",
    "generate",
    "evaluate",
    "compare",
    "attack",
    "export",
    "plan",
    "models",
    "ui",
)


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
        (["concepts", "show", "celeb999"], ["celeb999", "celeb100"]),
        (["prompts", "celeb999"], ["celeb999"]),
        (["generate", "--prompt", "Cher"], ["without --model"]),
        (["generate", "--prompt", "Cher", "--model", "{tmp}"], ["guard.json", "wanted a trained guard"]),
        (["evaluate", "--method", "none", "--prompts", "{tmp}/absent.csv"], ["got no file {tmp}/absent.csv"]),
        (["generate", "--prompt", "Cher", "--seed", "99999999999999999999"], ["--seed", "2^64 - 1", "a generator"]),
        (["generate", "--prompt", "Cher", "--out", "x.jpg"], ["got --out x.jpg", ".png, or a folder"]),
        (["generate", "--prompt", "Cher", "--seed", "-1"], ["got -1 as --seed", "from 0 to"]),
        (["world", "--seed", "-1"], ["got -1 as --seed", "from 0 to"]),
        (["evaluate", "--method", "none", "--prompts", "x.csv", "--columns", "sd_seed"], ["'sd_seed'", "seed=NAME"]),
        (["evaluate", "--method", "none", "--prompts", "{tmp}/mask.csv"], ["line 2", "did you mean Elon Musk?"]),
        (["evaluate", "--method", "none", "--prompts", "{tmp}/huge.csv"], ["line 2", "wanted a whole number"]),
        (["compare", "--methods", "magic"], ["got the method 'magic'", "static_lora"]),
        (["plan", "--base", "nobody/nothing"], ["got nobody/nothing, whose configuration is not here", "sdxl"]),
        (["plan", "--base", "sd14", "--concepts", "celeb999"], ["celeb999", "celeb100"]),
        (["export", "--model", "x", "--prompt", "Cher", "--out", "lora.bin"], ["got --out lora.bin", ".safetensors"]),
        (["export", "--model", "x", "--prompt", "Cher", "--format", "onnx"], ["got the format 'onnx'", "kohya"]),
        (["compare", "--n", "0"], ["got --n 0"]),
        (["compare", "--seeds", "0", "-1"], ["got -1 as --seeds"]),
        (["compare", "--concepts", "celeb999"], ["celeb999", "celeb100"]),
        (["pretrain", "mini-sd", "--device", "abacus", "--work", "{tmp}"], ["got the device 'abacus'", "cpu"]),
    ],
)
def test_mistakes_are_one_line_and_exit_2(
    arguments: list[str], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("a file, no folder")
    (tmp_path / "wrong.yaml").write_text("sampler: {}\n")
    (tmp_path / "mask.csv").write_text("type,concept,prompt,seed\nerased,elon mask,a portrait,1\n")
    (tmp_path / "huge.csv").write_text("type,prompt,seed\nerased,Elon Musk,99999999999999999999999\n")
    assert main([argument.format(tmp=tmp_path) for argument in arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("unhype: ")
    assert said.count("\n") == 1
    assert all(word.format(tmp=tmp_path) in said for word in words), said


@pytest.mark.parametrize(
    "arguments", [["measure", "maxi-sd"], ["demo", "--pictures", "0"], ["forget"], ["export", "--model", "x"], []]
)
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


@pytest.mark.slow
@pytest.mark.parametrize(
    "rows",
    [
        "type,concept,prompt,evaluation_seed\n"
        "erased,elon musk,A portrait of Elon Musk,1\nerased,Elon_Musk,A portrait of Elon Musk,2\n",
        'type,prompt,evaluation_seed\nerased,"a photo of Elon Musk, with a dog",5\n',
        "type;prompt;evaluation_seed\nerased;a photo of Elon Musk's face;5\n",
    ],
)
def test_the_bare_base_shows_what_a_list_asks_for(rows: str, tmp_path: Path, data: Path) -> None:
    """A name that is written otherwise counts as itself: nothing was erased, so the share that shows it is 1."""
    (tmp_path / "data").mkdir()
    for part in ("bases", "judges"):
        (tmp_path / "data" / part).symlink_to(data / part)
    (tmp_path / "list.csv").write_text(rows)
    where = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "scores.json")]
    assert main(["evaluate", "--method", "none", "--prompts", str(tmp_path / "list.csv"), *where]) == 0
    assert json.loads((tmp_path / "scores.json").read_text())["Acc_e"] == 1.0


def test_help_names_every_method() -> None:
    from unhype.comparison.methods import METHODS

    assert tuple(METHODS) == comparing.METHODS


LIGHT = """
import contextlib, sys
from unhype.cli.main import main
with contextlib.suppress(SystemExit):
    main(["--help"])
print([name for name in ("torch", "numpy", "diffusers", "PIL") if name in sys.modules])
"""


def test_help_imports_nothing_heavy() -> None:
    said = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True).stdout
    assert said.endswith("[]\n")


TINY = """
pretraining:
  pictures: 40
  vocabulary: 600
  prompt_length: 16
  precision: fp32
  autoencoder: {steps: 40, batch: 2, rate: 1.0e-3}
  clip: {steps: 2, batch: 4, rate: 1.0e-3}
  judge: {steps: 2, batch: 4, rate: 1.0e-3}
  denoiser: {steps: 2, batch: 2, rate: 1.0e-3}
"""


@pytest.mark.slow
def test_pretraining_survives_ctrl_c_and_resumes(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(TINY)
    command = [sys.executable, "-m", "unhype", "pretrain", "mini-sd", "--work", "work", "--data", "data"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    # A job in a shell's background hands "ignore Ctrl-C" on to whatever it starts: the tests may be such a job.
    listens = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    first = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=listens
    )
    assert first.stderr is not None
    said = ""
    while "autoencoder" not in said:
        said += first.stderr.read(1)
    first.send_signal(signal.SIGINT)
    with first.stderr:
        said += first.stderr.read()
    assert first.wait() == 130
    assert said.endswith("unhype: interrupted; nothing is lost, the same command resumes\n")
    assert "Traceback" not in said
    left = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert [name for name in left if name.startswith("autoencoder-")]
    assert not [name for name in left if "partial" in name]
    assert not (tmp_path / "data").exists()
    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=True)
    assert "shipped data/bases/mini-sd" in second.stdout
    assert main(["verify", "--data", str(tmp_path / "data")]) == 0
