"""``unhype hyperforget sample``: a net that torch loads; every mistake is one line, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.hyperforget.conftest import SMALL, saved, untrained
from unhype.cli.main import main
from unhype.hyperforget.digits import load_split
from unhype.hyperforget.nets import Shape, initial
from unhype.hyperforget.zoo import build
from unhype.pipeline.forgetting import layers
from unhype.tensors import write_carded


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models as the flow leaves them, and nets to start from."""
    place, split = tmp_path_factory.mktemp("place"), load_split(0)
    zoo = build(SMALL, split, [3], place / "zoo.safetensors")
    for start in ("none", "trained"):
        (place / f"build/hyperforget/two-{start}-3-0").mkdir(parents=True)
        saved(untrained(zoo, "two", start), place / f"build/hyperforget/two-{start}-3-0")
    write_carded(place / "trained.safetensors", layers(zoo.held_out[0], zoo.shape), {"what": "a net"})
    large = Shape(hidden=9)
    net = initial(1, large, torch.Generator().manual_seed(0))[0]
    write_carded(place / "large.safetensors", layers(net, large), {"what": "a net"})
    write_carded(
        place / "endless.safetensors", layers(torch.full((zoo.shape.size,), torch.inf), zoo.shape), {"what": "a net"}
    )
    (place / "cut.safetensors").write_bytes((place / "trained.safetensors").read_bytes()[:500])
    (place / "notes.txt").write_text("no tensors")
    return place


def sample(*options: str) -> int:
    return main(["hyperforget", "sample", *options])


@pytest.mark.parametrize(
    "more", [[], ["--model", "build/hyperforget/two-trained-3-0", "--from", "trained.safetensors"]]
)
def test_a_sampled_net_is_one_that_torch_loads(
    more: list[str], place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    paths = [tmp_path / f"{name}.safetensors" for name in "abc"]
    for path, seed in zip(paths, "001", strict=True):
        assert sample("--forget", "3", "--loss", "2", "--seed", seed, "--out", str(path), *more) == 0
    module = nn.Sequential(nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 10))
    module.load_state_dict(load_file(paths[0]), strict=True)
    assert module(torch.rand(2, 64)).isfinite().all()
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_bytes() != paths[2].read_bytes()
    assert "asked for the loss 2 on 3" in capsys.readouterr().out


TRAINED = ["--model", "build/hyperforget/two-trained-3-0"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--forget", "4"], ["hyperforget/two-none-4-0", "flows/hyperforget_flow.py run --forget 4"]),
        (["--forget", "12"], ["got the digit 12", "from 0 to 9"]),
        (["--forget", "-1"], ["got the digit -1", "from 0 to 9"]),
        ([word for digit in "0123456789" for word in ("--forget", digit)], ["got 10 digits", "is kept"]),
        (["--forget", "3", "--forget", "4"], ["got 2 digits to forget, wanted --model", "classes"]),
        (["--forget", "12", *TRAINED], ["got the digit 12", "from 0 to 9"]),
        (["--forget", "4", *TRAINED], ["got 4 to forget, wanted 3"]),
        ([word for digit in "0123456789" for word in ("--forget", digit)] + TRAINED, ["got 10 digits", "is kept"]),
        (["--forget", "3", "--loss", "-1"], ["got the loss -1.0", "wanted one from 1."]),
        (["--forget", "3", "--loss", "nan"], ["got the loss nan"]),
        (["--forget", "3", "--loss", "1e9"], ["got the loss 1000000000.0", "nets of its zoo"]),
        (["--forget", "3", "--loss", "2", *TRAINED], ["got no net to start from"]),
        (["--forget", "3", "--loss", "2", "--from", "trained.safetensors"], ["to start from, wanted no net"]),
        (["--forget", "3", "--loss", "2", *TRAINED, "--from", "large.safetensors"], ["large.safetensors", "(5, 64)"]),
        (["--forget", "3", "--loss", "2", *TRAINED, "--from", "cut.safetensors"], ["damaged cut.safetensors"]),
        (["--forget", "3", "--loss", "2", *TRAINED, "--from", "endless.safetensors"], ["not finite in 0.bias"]),
        (["--forget", "3", "--loss", "2", *TRAINED, "--from", "gone.safetensors"], ["got no file gone.safetensors"]),
        (["--forget", "3", "--model", "notes.txt"], ["damaged notes.txt"]),
        (["--forget", "3", "--model", "trained.safetensors"], ["got a net in", "wanted a HyperForget model"]),
        (["--forget", "3", "--model", "gone"], ["got no file gone"]),
        (["--forget", "3", "--seed", "-1"], ["got -1 as --seed"]),
        (["--forget", "3", "--out", "net.pt"], ["got --out net.pt", ".safetensors"]),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(
    options: list[str],
    words: list[str],
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(place)
    before = sorted(place.rglob("*"))
    assert sample("--out", "net.safetensors", *options) == 2
    said = capsys.readouterr().err
    assert said.startswith("unhype: ")
    assert said.count("\n") == 1
    assert all(word in said for word in words), said
    assert sorted(place.rglob("*")) == before


def test_help_teaches_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["hyperforget"], ["hyperforget", "sample"]):
        with pytest.raises(SystemExit) as caught:
            main([*arguments, "--help"])
        assert caught.value.code == 0
        assert "Example: unhype hyperforget sample --forget 3 --out net.safetensors" in capsys.readouterr().out
