"""``unhype export`` from a guard's folder to LoRA files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from unhype.bases.identity import identify
from unhype.bases.loading import load_pipeline
from unhype.cli.main import main
from unhype.erasing.checkpoint import Trained, save
from unhype.erasing.hypernet import Hypernet, HypernetConfig
from unhype.families.choosing import family_of
from unhype.miniature.folders import BASE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def guard_folder(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not trained, and without a switch: it emits for whatever it reads."""
    family = family_of(load_pipeline(data / BASE))
    torch.manual_seed(0)
    hypernet = Hypernet(HypernetConfig(rank=2), family.sites, family.width)
    facts = {"base": BASE.name, "family": family.name, "site_table": family.table}
    facts |= {"concepts": "objects", "forget": ["airplane", "truck"]}
    folder = tmp_path_factory.mktemp("guard")
    save(Trained(hypernet, None, identify(family.parts), facts), folder)
    return folder


def test_one_prompt_is_one_file(guard_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "plane.safetensors"
    arguments = ["export", "--model", str(guard_folder), "--format", "kohya", "--out", str(out)]
    assert main([*arguments, "--prompt", "a photo of an airplane"]) == 0
    assert f"LoRA of rank 2 for 'a photo of an airplane' with kohya's keys: {out}" in capsys.readouterr().out
    with safe_open(out, framework="pt") as file:
        assert all(key.startswith("lora_unet_") for key in file.keys())  # noqa: SIM118
        assert len(file.metadata()["unhype.guard"]) == 64
    assert main([*arguments, "--prompt", "an airplane", "--share", "0"]) == 2
    assert "emits no LoRA" in capsys.readouterr().err


def test_all_concepts_stand_in_prompts_as_their_kind_says(guard_folder: Path, tmp_path: Path) -> None:
    assert main(["export", "--model", str(guard_folder), "--all", "--out", str(tmp_path)]) == 0
    index = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    assert [(entry["prompt"], entry["file"]) for entry in index["files"]] == [
        ("an airplane", "airplane.safetensors"),
        ("a truck", "truck.safetensors"),
    ]
    assert all((tmp_path / entry["file"]).exists() for entry in index["files"])
