"""Model folders: whole or absent, and read only when every byte is what the card says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from unhype.bases import cards as bases
from unhype.bases.cards import content_hash, publish, verify
from unhype.bases.loading import load_pipeline
from unhype.errors import UnhypeError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def write(partial: Path) -> None:
        (partial / "unet").mkdir()
        (partial / "unet" / "weights.safetensors").write_bytes(b"weights")
        (partial / "model_index.json").write_text("{}")

    publish(tmp_path / "base", write, {"kind": "toy"})
    return tmp_path / "base"


def test_what_was_published_verifies(folder: Path) -> None:
    card = verify(folder)
    assert card["kind"] == "toy"
    assert set(card["files"]) == {"model_index.json", "unet/weights.safetensors"}


def tampered(folder: Path) -> None:
    (folder / "unet" / "weights.safetensors").write_bytes(b"Weights")


def truncated(folder: Path) -> None:
    (folder / "unet" / "weights.safetensors").write_bytes(b"wei")


def missing(folder: Path) -> None:
    (folder / "model_index.json").unlink()


def damaged_card(folder: Path) -> None:
    (folder / "card.json").write_text("{")


def other_diffusers(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text())
    card["versions"]["diffusers"] = "0.1.0"
    (folder / "card.json").write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (tampered, ["tampered", "weights.safetensors", "git checkout"]),
        (truncated, ["3 bytes", "wanted 7", "weights.safetensors", "git checkout"]),
        (missing, ["got no", "model_index.json", "git checkout"]),
        (damaged_card, ["damaged", "card.json", "git checkout"]),
        (other_diffusers, ["got diffusers", "wanted 0.1.x", "pip install diffusers==0.1.0"]),
        (shutil.rmtree, ["no model folder", "check the path"]),
    ],
)
def test_harm_is_named_in_one_line(folder: Path, harm: Callable[[Path], None], words: list[str]) -> None:
    harm(folder)
    with pytest.raises(UnhypeError) as caught:
        verify(folder)
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words), caught.value


def test_a_failed_write_keeps_the_old_folder(folder: Path) -> None:
    def fails(partial: Path) -> None:
        (partial / "half").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(UnhypeError, match="no space left"):
        publish(folder, fails, {})
    verify(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["base"]


def test_the_hash_speaks_of_the_weights_alone(folder: Path) -> None:
    before = content_hash(folder)
    (folder / "README.md").write_text("a model card")
    assert content_hash(folder) == before
    verify(folder)
    tampered(folder)
    (folder / bases.CARD).unlink()
    assert content_hash(folder) != before


def test_a_folder_that_is_no_pipeline(tmp_path: Path) -> None:
    with pytest.raises(UnhypeError, match=r"model_index\.json"):
        load_pipeline(tmp_path)
