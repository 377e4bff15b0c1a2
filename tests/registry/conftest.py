"""A store for each test, copied from one that is made once; a guard folder such as training leaves; and no network."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from unhype.registry.runs import RunRecord
from unhype.registry.store import Store, open_store


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No address but this machine's, and no store from outside."""
    connect = socket.socket.connect

    def local(self: socket.socket, address: Any) -> None:
        assert not isinstance(address, tuple) or address[0] in ("127.0.0.1", "::1", "localhost"), (
            f"the network was asked for {address}"
        )
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "DVC_STAGE", "DVC_EXP_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty store, made by the real thing."""
    outside = {
        name: os.environ.pop(name) for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI") if name in os.environ
    }
    root = tmp_path_factory.mktemp("made")
    open_store(root)
    yield root
    os.environ.update(outside)


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A project folder with an empty store; a copy: its paths are made its own when it is opened."""
    shutil.copytree(made, tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def store(root: Path) -> Store:
    return open_store(root)


@pytest.fixture
def guard(tmp_path: Path) -> Path:
    folder = tmp_path / "celeb100-0123456789ab"
    folder.mkdir()
    save_file({"hypernet.A": np.arange(6, dtype=np.float32)}, folder / "guard.safetensors")
    card = {
        "base": "mini-sd",
        "base_hash": "b" * 64,
        "code": "e" * 64,
        "concepts": "celeb100",
        "forget": ["Elon Musk"],
        "concepts_hash": "c" * 64,
        "training": {"steps": 2},
        "sampling": {"steps": 20},
    }
    (folder / "guard.json").write_text(json.dumps(card))
    (folder / "scores.json").write_text('{"protocols": {"unseen": {"H": 0.9}}}')
    Image.new("RGB", (8, 8), "red").save(folder / "gallery.png")
    return folder


MADE = {
    "training_tables": "1" * 64,
    "evaluation_table": "2" * 64,
    "prompts_data": f"{'3' * 32}.dir",
    "pictures_data": f"{'4' * 32}.dir",
    "settings": "5" * 64,
}
"""What a flow says of data and settings."""


@pytest.fixture
def tags() -> dict[str, str]:
    return {
        "git_commit": "a" * 40,
        "concept_set": "celeb100",
        "concept_set_hash": "c" * 64,
        **MADE,
        "metaflow_run": "TrainFlow/17",
        "base": "mini-sd",
        "base_hash": "b" * 64,
        "code": "e" * 64,
    }


@pytest.fixture
def record(guard: Path, tags: dict[str, str]) -> RunRecord:
    return RunRecord(
        name="celeb100",
        metaflow_run="TrainFlow/17",
        params={"base": "mini-sd", "training": {"lr": 1e-3, "steps": 2}},
        history={step: {"loss": 1 / step, "loss/retain": float("nan")} for step in (1, 2)},
        final={"unseen/H": 0.9},
        pictures={1: np.zeros((8, 8, 3), np.uint8), 2: Image.new("RGB", (8, 8))},
        files=[guard / "scores.json"],
        tags=tags,
        note="| a | table |",
    )
