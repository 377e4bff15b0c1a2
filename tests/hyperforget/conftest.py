"""A zoo of four small nets and what is made from it, in a second."""

from __future__ import annotations

from pathlib import Path

import pytest

from unhype.hyperforget.denoiser import DenoiserSettings
from unhype.hyperforget.digits import Split, load_split
from unhype.hyperforget.model import HyperForget, made_for
from unhype.hyperforget.zoo import Zoo, ZooSettings, build
from unhype.tensors import write_carded

SMALL = ZooSettings(runs=4, class_runs=10, held_out=2, hidden=5, batch=60, steps=25, unlearning_steps=10)
NARROW = DenoiserSettings(width=16, layers=2, heads=2)


@pytest.fixture(scope="session")
def split() -> Split:
    return load_split(0)


@pytest.fixture(scope="session")
def zoo(split: Split, tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    return build(SMALL, split, [3], tmp_path_factory.mktemp("zoo") / "zoo.safetensors")


@pytest.fixture(scope="session")
def class_zoo(split: Split, tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """No net of it has forgotten 7."""
    digits = [digit for digit in range(10) if digit != 7]
    return build(SMALL, split, digits, tmp_path_factory.mktemp("zoo") / "zoo.safetensors")


def untrained(zoo: Zoo, signal: str = "two", start: str = "none", digit: int = 3) -> HyperForget:
    """A model as it is before training."""
    model = made_for(zoo, signal, start, digit, NARROW)
    model.card |= {"sampling": 4, "draws": 2, "schedule": {}, "code": "c"}
    return model


def saved(model: HyperForget, folder: Path) -> Path:
    write_carded(folder / "model.safetensors", model.state_dict(), model.card)
    return folder / "model.safetensors"
