"""From a word to files: every kind of reference, and which comes first where two would do; and what files hash to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from unhype.bases.aliases import ALIASES
from unhype.bases.cards import content_hash
from unhype.bases.finding import Source, find_base, wants_hub
from unhype.bases.hashing import PIECE, SMALL
from unhype.errors import UnhypeError
from unhype.offline import stay_offline


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with one shipped base, one folder and one file."""
    for folder in (tmp_path / "data" / "bases" / "mini-sd", tmp_path / "own"):
        (folder / "unet").mkdir(parents=True)
        (folder / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
        save_file({"weight": torch.zeros(4)}, folder / "unet" / "weights.safetensors")
    save_file({"weight": torch.zeros(4)}, tmp_path / "base.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


DATA = Path("data")


def test_each_kind_of_reference(here: Path) -> None:
    assert find_base("mini-sd", DATA).folder == DATA / "bases" / "mini-sd"
    assert find_base("own", DATA).folder == Path("own")
    assert find_base(str(here / "own"), DATA).folder == here / "own"
    assert find_base("./base.safetensors", DATA).file == Path("base.safetensors")
    assert find_base("someone/else", DATA).hub == "someone/else"
    assert {name: find_base(name, DATA).hub for name in ALIASES} == ALIASES


def test_what_ships_comes_before_a_folder_and_a_folder_before_the_hub(here: Path) -> None:
    for name in ("mini-sd", "sdxl", "owner/name"):
        shutil.copytree(here / "own", here / name)
    assert find_base("mini-sd", DATA).folder == DATA / "bases" / "mini-sd"
    assert find_base("./mini-sd", DATA).folder == Path("mini-sd")
    assert find_base("sdxl", DATA).folder == Path("sdxl")
    assert find_base("owner/name", DATA).folder == Path("owner/name")
    assert not wants_hub("owner/name")


def test_home_is_understood(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    assert find_base("~/own", DATA).folder == here / "own"
    assert find_base("~/base.safetensors", DATA).file == here / "base.safetensors"


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("model.ckpt", ["model.ckpt", "wanted a .safetensors", "run code"]),
        ("absent/model.bin", ["wanted a .safetensors", "run code"]),
        ("absent/base.safetensors", ["got no file absent/base.safetensors", "check the path"]),
        ("data", ["got no data/model_index.json", "whole pipeline"]),
        ("maxi-sd", ["'maxi-sd'", "mini-sd", "flux-dev", "owner/name"]),
        ("../elsewhere", ["'../elsewhere'", "mini-sd"]),
        ("a/b/c", ["'a/b/c'", "mini-sd"]),
        ("", ["''", "mini-sd"]),
        (".", ["model_index.json"]),
        ("~nobody-of-that-name/base", ["'~nobody-of-that-name/base'", "mini-sd"]),
        ("..", ["model_index.json"]),
    ],
)
def test_what_is_no_base_is_told_in_one_line(here: Path, reference: str, words: list[str]) -> None:
    (here / "model.ckpt").write_bytes(b"pickle")
    with pytest.raises(UnhypeError) as caught:
        find_base(reference, DATA)
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words), caught.value


# ---------------------------------------------------------------- hashes


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """A file beyond what is read whole: four tensors of 0.8 MB."""
    path = tmp_path / "big.safetensors"
    tensors = {f"layer.{i}": torch.randn(200_000, generator=torch.Generator().manual_seed(i)) for i in range(4)}
    save_file(tensors, path)
    assert path.stat().st_size > 2 * SMALL
    return path


def hashed(path: Path) -> str:
    return Source("x", file=path).hash


def test_a_copy_elsewhere_is_the_same_base(big: Path, here: Path) -> None:
    (here / "deep" / "down").mkdir(parents=True)
    assert hashed(shutil.copy(big, here / "deep" / "down" / "renamed.safetensors")) == hashed(big)
    shutil.copytree("own", "copy")
    assert Source("y", folder=Path("copy")).hash == Source("x", folder=Path("own")).hash


def test_one_byte_of_the_header_counts(big: Path) -> None:
    before, content = hashed(big), bytearray(big.read_bytes())
    place = content.index(b"layer.3")
    content[place + 6] = ord("9")
    big.write_bytes(content)
    assert hashed(big) != before


@pytest.mark.parametrize("layer", range(4))
@pytest.mark.parametrize("place", [0, PIECE - 1, -1])
def test_one_byte_of_a_sampled_piece_counts(big: Path, layer: int, place: int) -> None:
    before, content = hashed(big), bytearray(big.read_bytes())
    start = len(content) - (4 - layer) * 800_000
    content[start + place % 800_000] ^= 1
    big.write_bytes(content)
    assert hashed(big) != before


def test_an_edit_of_a_single_layer_counts(big: Path) -> None:
    """As concepts are edited out of cross-attention: everything else stays to the byte."""
    before, tensors = hashed(big), load_file(big)
    tensors["layer.2"] = tensors["layer.2"] + 0.01
    save_file(tensors, big)
    assert hashed(big) != before


def test_a_folder_is_its_weights_configurations_and_vocabularies(here: Path) -> None:
    folder = here / "own"
    before = Source("x", folder=folder).hash
    (folder / "README.md").write_text("words")
    (folder / "safety_checker").mkdir()
    (folder / "safety_checker" / "model.safetensors").write_bytes(b"never loaded")
    assert Source("x", folder=folder).hash == before
    for name in ("spiece.model", "unet/config.json", "merges.txt"):
        (folder / name).write_text("more")
        assert Source("x", folder=folder).hash != before
        before = Source("x", folder=folder).hash


def test_a_card_speaks_for_its_folder(data: Path) -> None:
    folder = data / "bases" / "mini-sd"
    assert Source("mini-sd", folder=folder).hash == content_hash(folder)


def test_a_base_that_is_not_here_has_no_hash() -> None:
    with pytest.raises(UnhypeError, match="wanted them fetched first"):
        _ = Source("a/b", hub="a/b").hash


# ---------------------------------------------------------------- on the network, or off it

OFFLINE = "import sys, os; from unhype.offline import stay_offline; stay_offline(sys.argv[1] or None); "
TELL = "print(os.environ['HF_HUB_OFFLINE'], 'torch' in sys.modules or 'diffusers' in sys.modules)"


@pytest.mark.parametrize(
    ("base", "set_by_user", "wanted"),
    [
        ("", None, "1"),
        ("mini-sd", None, "1"),
        ("own", None, "1"),
        ("~/nowhere", None, "1"),
        ("../some", None, "1"),
        ("flux-dev", None, "0"),
        ("owner/name", None, "0"),
        ("base.safetensors", None, "0"),
        ("owner/name", "1", "1"),
        ("mini-sd", "0", "0"),
    ],
)
def test_only_a_base_at_the_hub_lets_libraries_go_online(
    here: Path, base: str, set_by_user: str | None, wanted: str
) -> None:
    given = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    if set_by_user:
        given["HF_HUB_OFFLINE"] = set_by_user
    told = subprocess.run(
        [sys.executable, "-c", OFFLINE + TELL, base], env=given, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == [wanted, "False"]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ("judges: {clip: owner/clip}", "0"),
        ("families: {sdxl: {judges: {clip: owner/clip}}}", "0"),
        ("judges: {clip: own}", "1"),
        ('judges: {clip: ""}', "1"),
        ("judges: [clip", "1"),
        ("", "1"),
    ],
)
def test_a_clip_at_the_hub_does_so_too(here: Path, monkeypatch: pytest.MonkeyPatch, settings: str, wanted: str) -> None:
    (here / "params.yaml").write_text(settings)
    environment: dict[str, str] = {}
    monkeypatch.setattr("os.environ", environment)
    stay_offline("mini-sd", here / "params.yaml")
    assert environment == {"HF_HUB_OFFLINE": wanted}
