"""What is learnt badly is read more often, and nothing else is changed by that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from unhype.erasing.material import Material, mixed
from unhype.erasing.phrases import Reading
from unhype.erasing.practice import LEAST, MOST, Practice

CONCEPTS = np.repeat(np.arange(4), 5)


@pytest.fixture
def material() -> Material:
    """Two kinds of 20 rows, of four concepts each; a third of what is read is of the second."""
    said = [f"row {i}" for i in range(20)]
    nothing = Reading(torch.zeros(20, 1, 4), torch.ones(20, 1))
    one = Material(said, said, nothing, nothing, torch.zeros(1, 1), np.zeros((20, 1), dtype=int), groups=CONCEPTS)
    return mixed([one, replace(one, anchors=said[::-1])], [2 / 3, 1 / 3])


def shares(practice: Practice) -> np.ndarray:
    """Of 30,000 rows those of each kind and concept, ``[kinds, concepts]``."""
    rows = practice.draw(30_000, np.random.default_rng(0))
    return np.bincount(rows // 5, minlength=8).reshape(2, 4) / len(rows)


def test_nobody_is_read_more_often_before_anything_is_known(material: Material) -> None:
    assert shares(Practice(material)) == pytest.approx(np.array([[1 / 6] * 4, [1 / 12] * 4]), abs=0.01)


def test_a_concept_is_read_by_its_error_among_those_of_its_kind(material: Material) -> None:
    """Errors of the other kind are larger by far, and take nothing away."""
    practice = Practice(material)
    practice.learn(np.arange(0, 40, 5), torch.tensor([0.1, 0.1, 0.2, 0.4, 9.0, 9.0, 9.0, 9.0]))
    assert shares(practice) == pytest.approx(np.array([[1 / 12, 1 / 12, 1 / 6, 1 / 3], [1 / 12] * 4]), abs=0.01)


def test_nobody_is_left_out_and_nobody_takes_everything(material: Material) -> None:
    practice = Practice(material)
    practice.learn(np.arange(0, 20, 5), torch.tensor([0.0, 0.0, 0.0, 1.0]))
    assert shares(practice)[0] == pytest.approx(2 / 3 * np.array([LEAST] * 3 + [MOST]) / (3 * LEAST + MOST), abs=0.01)


def test_what_was_not_read_yet_counts_as_the_others(material: Material) -> None:
    practice = Practice(material)
    practice.learn(np.array([0, 5]), torch.tensor([0.1, 0.3]))
    assert shares(practice)[0] == pytest.approx(2 / 3 * np.array([0.5, 1.5, 1, 1]) / 4, abs=0.01)


def test_errors_are_remembered_as_a_running_mean(material: Material) -> None:
    practice = Practice(material)
    practice.learn(np.array([0, 1]), torch.tensor([1.0, 0.0]))  # two rows of one concept
    assert practice.errors[0, 0].item() == pytest.approx(0.9)
    assert practice.errors.isnan().sum() == 7


def test_its_state_is_a_tensor(material: Material) -> None:
    """So a run that was killed goes on with the rows that it would have read."""
    one, other = Practice(material), Practice(material)
    one.learn(np.arange(0, 40, 5), torch.rand(8, generator=torch.Generator().manual_seed(0)))
    other.load_state_dict(one.state_dict(), strict=True)
    assert (one.draw(50, np.random.default_rng(1)) == other.draw(50, np.random.default_rng(1))).all()


def test_a_material_of_one_kind_that_teaches_one_thing_is_read_alike(material: Material) -> None:
    plain = replace(material, chance=None, kinds=None, groups=None)
    practice = Practice(plain)
    practice.learn(np.arange(40), torch.rand(40))
    assert shares(practice) == pytest.approx(np.full((2, 4), 1 / 8), abs=0.01)
