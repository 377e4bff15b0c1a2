"""A HyperForget model in the registry: once for a run, found by number and alias, its file to the byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from unhype.errors import UnhypeError
from unhype.registry.hyperforget import NAME, model_file, publish
from unhype.registry.store import open_store

CARD = {
    "signal": "two",
    "start": "none",
    "digit": 3,
    "seed": 0,
    "code": "c" * 64,
    "zoo": "z" * 64,
    "denoiser": {"width": 64},
}
SCORES = {"methods": [{"method": "PCA + linear map", "R2": 0.5, "ms": 1.0, "got": [1.0]}, {"method": "x", "R2": None}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "made" / "scores.json").write_text(json.dumps(SCORES))
    return tmp_path / "made"


def published(root: Path, folder: Path, run: str = "HyperForgetFlow/1") -> str:
    return publish(root, folder, CARD, SCORES, [0.9, 0.5], run, "| a | table |")


def test_round_trip(root: Path, folder: Path) -> None:
    assert published(root, folder) == published(root, folder) == f"models:/{NAME}/1"
    for uri in (f"models:/{NAME}/1", f"models:/{NAME}@challenger"):
        assert model_file(uri, root).read_bytes() == b"weights"
    assert published(root, folder, "HyperForgetFlow/2") == f"models:/{NAME}/2"
    client = open_store(root).client
    version: Any = client.get_model_version_by_alias(NAME, "challenger")
    assert version.version == "2" or version.version == 2
    assert version.description == "| a | table |"
    run = client.get_run(version.run_id)
    assert run.data.metrics["PCA  linear map/R2"] == 0.5
    assert run.data.params["denoiser.width"] == "64"
    assert [point.value for point in client.get_metric_history(version.run_id, "loss")] == [0.9, 0.5]


def test_paths_need_no_registry(folder: Path, tmp_path: Path) -> None:
    assert model_file(str(folder)) == folder / "model.safetensors"
    assert model_file(str(tmp_path / "gone.safetensors")) == tmp_path / "gone.safetensors"


@pytest.mark.parametrize("uri", [f"models:/{NAME}/7", f"models:/{NAME}@best", "models:/other/1"])
def test_what_is_not_there_is_told(uri: str, root: Path, folder: Path) -> None:
    published(root, folder)
    with pytest.raises(UnhypeError, match="wanted"):
        model_file(uri, root)
