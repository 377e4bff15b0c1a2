"""A guard that was not trained, but is strong: what it does to a picture can't be overlooked."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unhype.bases.identity import identify
from unhype.bases.loading import load_pipeline
from unhype.concepts.schema import ConceptSet, Entry
from unhype.erasing.checkpoint import Trained
from unhype.erasing.fitting import fit_to_set
from unhype.erasing.guard import Guard
from unhype.erasing.hypernet import Hypernet, HypernetConfig
from unhype.families.choosing import family_of
from unhype.miniature.folders import BASE

NAME, OTHER = "a photo of Emma Stone", "a photo of a dog"
GUARDED = 3.0
"""Levels of 255 by which the strong guard changes a picture, at least."""

Draw = Callable[..., np.ndarray]


@pytest.fixture(scope="session")
def shipped(data: Path) -> Any:
    return load_pipeline(data / BASE)


@pytest.fixture(scope="session")
def strong(shipped: Any) -> Guard:
    """Forgets Emma Stone and Cher."""
    family = family_of(copy.deepcopy(shipped))
    names = tuple(Entry(name, "a person") for name in ("Emma Stone", "Cher"))
    switch = fit_to_set(family, ConceptSet("toy", "people", names, ("Amy Adams", "Drake", "a dog", "a man")))
    torch.manual_seed(0)
    hypernet = Hypernet(HypernetConfig(rank=2, alpha=300.0), family.sites, family.width)
    facts = {"base": "mini-sd", "family": "stable_diffusion", "site_table": "cross_attention", "sha256": "x"}
    return Guard(Trained(hypernet.eval(), switch, identify(family.parts), facts))


@pytest.fixture(scope="session")
def reading(strong: Guard) -> Guard:
    """The same, told to read learned tokens."""
    return Guard(strong.trained, inversions=True)


@pytest.fixture
def pipe(shipped: Any) -> Any:
    """A pipeline of the test's own."""
    return copy.deepcopy(shipped)


def draw(pipe: Any, prompts: Sequence[str] | str | None = (NAME, OTHER), steps: int = 2, **options: Any) -> np.ndarray:
    """One picture for each prompt, from noise that depends on nothing else."""
    given = prompts if prompts is None or isinstance(prompts, str) else list(prompts)
    options = {"generator": torch.Generator().manual_seed(1), "guidance_scale": 4.0, "output_type": "np", **options}
    return pipe(given, num_inference_steps=steps, **options).images


def difference(one: np.ndarray, other: np.ndarray) -> list[float]:
    """Of each picture, in levels of 255."""
    return [float(each) for each in 255 * np.abs(one - other).mean((1, 2, 3))]


def guards(pipe: Any, guard: Guard, call: Draw = draw, bare: np.ndarray | None = None, same: float = 0) -> np.ndarray:
    """Draw [NAME, OTHER] bare and under guard: the first must change, the second must not; and all is bare afterwards.

    Args:
        same: how many levels of rounding the second may differ by.
    """
    before = call(pipe) if bare is None else bare
    with guard.attached(pipe):
        during = call(pipe)
    name, other = difference(before, during)
    assert name > 3
    assert other <= same
    return during
