"""The hypernetwork and its equations.

At s = 0 nothing changes, but gradients flow; strength by the trace; matching finds the SGD endpoint.
"""

from __future__ import annotations

import pytest
import torch

from unhype.adapters.sites import Site
from unhype.erasing.hypernet import Hypernet, HypernetConfig, strength
from unhype.erasing.losses import as_leaves, gradient_of, guided_target, removal_loss, retention_loss, task_loss

SITES = (Site("a", 8, 6), Site("b", 8, 10))


@pytest.fixture
def hypernet() -> Hypernet:
    torch.manual_seed(0)
    return Hypernet(HypernetConfig(rank=2, steps=10, hidden=16, head="basis", basis=4), SITES, width=8)


def test_shapes_and_size(hypernet: Hypernet) -> None:
    factors = hypernet(torch.randn(3, 8), torch.tensor([1, 5, 10]))
    assert {name: (tuple(f.A.shape), tuple(f.B.shape)) for name, f in factors.items()} == {
        "a": ((3, 2, 8), (3, 6, 2)),
        "b": ((3, 2, 8), (3, 10, 2)),
    }
    assert hypernet.emitted == 2 * (8 + 6) + 2 * (8 + 10)


def test_step_zero_changes_nothing_and_is_not_dead(hypernet: Hypernet) -> None:
    factors = hypernet(torch.randn(3, 8), torch.zeros(3))
    assert all(f.merged().abs().max() == 0 and f.A.abs().min() > 0 for f in factors.values())
    leaves = as_leaves(factors)
    slopes = gradient_of(sum(((f.merged() - 1) ** 2).sum() for f in leaves.values()), leaves)
    assert all(slope.B.abs().sum() > 0 for slope in slopes.values())


def test_a_closed_switch_closes_everything(hypernet: Hypernet) -> None:
    factors = hypernet(torch.randn(2, 8), torch.tensor([10, 10]), torch.tensor([0.0, 1.0]))
    assert strength(factors)[0] == 0
    assert strength(factors)[1] > 0


def test_strength_is_the_norm_of_the_product(hypernet: Hypernet) -> None:
    factors = hypernet(torch.randn(4, 8), torch.tensor([2, 4, 6, 10]))
    plain = torch.stack([f.merged().flatten(1).pow(2).sum(1) for f in factors.values()]).sum(0).sqrt()
    assert torch.allclose(strength(factors), plain, rtol=1e-5)


def test_the_target_runs_from_the_base_to_beyond_the_anchor() -> None:
    concept, anchor = torch.randn(3, 4, 2, 2), torch.randn(3, 4, 2, 2)
    target = guided_target(concept, anchor, gamma=2.0, share=torch.tensor([0.0, 1.0, 0.5]))
    assert torch.equal(target[0], concept[0])
    assert torch.allclose(target[1], anchor[1] - 2 * (concept[1] - anchor[1]))
    assert torch.allclose(target[2], (concept[2] + (anchor[2] - 2 * (concept[2] - anchor[2]))) / 2, atol=1e-6)


def test_task_loss_is_one_where_the_base_is_left_as_it_is() -> None:
    concept, anchor = torch.randn(5, 4, 2, 2), torch.randn(5, 4, 2, 2)
    scale = ((concept - anchor) ** 2).flatten(1).mean(1)
    assert task_loss(concept, anchor, scale).item() == pytest.approx(1.0)


def test_removal_is_zero_exactly_for_one_step_of_gradient_descent(hypernet: Hypernet) -> None:
    now = hypernet(torch.randn(2, 8), torch.tensor([3, 4]))
    leaves = as_leaves(now)
    slope = gradient_of(sum((f.merged() ** 2).sum() for f in leaves.values()), leaves)
    stepped = {k: type(f)(f.A - 0.1 * slope[k].A, f.B - 0.1 * slope[k].B) for k, f in now.items()}
    assert removal_loss(now, stepped, slope, eta=0.1).item() == pytest.approx(0.0, abs=1e-10)
    assert removal_loss(now, now, slope, eta=0.1).item() == pytest.approx(
        0.01 * sum(float((s.A**2).sum() + (s.B**2).sum()) for s in slope.values()) / 2, rel=1e-5
    )


def test_retention_asks_for_no_b(hypernet: Hypernet) -> None:
    c = torch.randn(3, 8)
    assert retention_loss(hypernet(c, torch.zeros(3))).item() == 0
    assert retention_loss(hypernet(c, torch.full((3,), 10.0))).item() > 0


def test_impossible_shapes_are_refused() -> None:
    for wrong in ({"rank": 0}, {"head": "magic"}):
        with pytest.raises(ValueError, match="wanted rank"):
            HypernetConfig(**wrong)
