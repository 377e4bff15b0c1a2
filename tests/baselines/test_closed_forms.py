"""Closed forms against a least-squares solver that knows nothing of them; adapters against merged weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from unhype.adapters.lora import Factors
from unhype.baselines.adapters import summed
from unhype.baselines.gates import said
from unhype.baselines.mace import fuse
from unhype.baselines.uce import rewrite
from unhype.baselines.weights import replaced
from unhype.errors import UnhypeError


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_uce_is_the_least_squares_solution() -> None:
    W0, edited, targets, kept = normal(7, 5), normal(9, 5, seed=1), normal(9, 5, seed=2), normal(11, 5, seed=3)
    inputs = torch.cat([edited, 2**0.5 * kept, 0.3**0.5 * torch.eye(5)])
    outputs = torch.cat([targets @ W0.T, 2**0.5 * kept @ W0.T, 0.3**0.5 * W0.T])
    expected = torch.linalg.lstsq(inputs, outputs).solution.T
    assert torch.allclose(rewrite(W0, edited, targets, kept, weight=0.3, keep=2.0), expected, atol=1e-9)


def test_uce_without_edits_is_the_base() -> None:
    W0, states, kept = normal(7, 5), normal(9, 5, seed=1), normal(11, 5, seed=3)
    assert torch.allclose(rewrite(W0, states, states, kept, weight=0.1), W0, atol=1e-9)


def test_fusion_is_the_least_squares_solution() -> None:
    W0, deltas, kept = normal(7, 5), normal(3, 7, 5, seed=1), normal(4, 5, seed=2)
    states = [normal(6, 5, seed=10 + i) for i in range(3)]
    inputs = torch.cat([*states, kept, 0.3**0.5 * torch.eye(5)])
    outputs = torch.cat(
        [*(C @ (W0 + delta).T for C, delta in zip(states, deltas, strict=True)), kept @ W0.T, 0.3**0.5 * W0.T]
    )
    expected = torch.linalg.lstsq(inputs, outputs).solution.T
    assert torch.allclose(fuse(W0, states, deltas, kept, weight=0.3), expected, atol=1e-9)


def test_a_weighted_sum_of_adapters_is_the_sum_of_their_merged_weights() -> None:
    bank = {"site": Factors(normal(3, 2, 5), normal(3, 4, 2, seed=1))}
    scale = torch.tensor([[1.0, 0.0, 0.5], [0.0, -2.0, 1.0]], dtype=torch.float64)
    expected = torch.einsum("nm,moi->noi", scale, bank["site"].merged())
    assert torch.allclose(summed(bank, scale)["site"].merged(), expected)


def test_the_share_of_a_concepts_words() -> None:
    shares = said(["a photo of adam DRIVER", "adam's hat", ""], ["Adam Driver", "Cher"])
    assert shares.tolist() == [[1.0, 0.0], [0.5, 0.0], [0.0, 0.0]]


def test_weights_come_back_to_the_bit() -> None:
    model = nn.Linear(3, 2)
    before, other = model.weight.clone(), torch.ones(2, 3)
    with replaced(model, {"weight": other}):
        assert torch.equal(model.weight, other)
    assert torch.equal(model.weight, before)

    def fail() -> None:
        with replaced(model, {"weight": other}):
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.equal(model.weight, before)


@pytest.mark.parametrize(("name", "shape"), [("weight", (3, 3)), ("nothing", (2, 3))])
def test_weights_that_do_not_fit_are_refused(name: str, shape: tuple[int, int]) -> None:
    model = nn.Linear(3, 2)
    with pytest.raises(UnhypeError, match="fitted on another base"), replaced(model, {name: torch.ones(shape)}):
        pass
