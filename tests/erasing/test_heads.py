"""Heads: each gives every site factors of its shape, and `through` is an edit of what the sites read."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from unhype.adapters.lora import active
from unhype.adapters.sites import Site
from unhype.erasing.heads import HEADS, Through
from unhype.erasing.hypernet import Hypernet, HypernetConfig
from unhype.errors import UnhypeError


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.k, self.v, self.out = nn.Linear(8, 6, bias=False), nn.Linear(8, 10, bias=False), nn.Linear(6, 4)


SITES = (Site("k", 8, 6), Site("v", 8, 10), Site("out", 6, 4))


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    return Model()


@pytest.mark.parametrize("name", HEADS)
def test_every_site_gets_factors_of_its_shape_and_every_weight_a_gradient(model: Model, name: str) -> None:
    head = HEADS[name](3, SITES, 16, 4)
    head.bind(model)
    pairs = head(torch.randn(5, 16))
    assert list(pairs) == [site.name for site in SITES]
    for site in SITES:
        left, right = pairs[site.name]
        assert (tuple(left.shape), tuple(right.shape)) == ((5, 3, site.inputs), (5, site.outputs, 3))
    sum((right @ left).pow(2).sum() for left, right in pairs.values()).backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in head.parameters())
    assert all(parameter.grad is None for parameter in model.parameters()), "the base is read, never trained"


def test_through_changes_what_is_read_and_nothing_else(model: Model) -> None:
    """Adapting k and v is the same as editing their common input: x + V·A·x."""
    sites = SITES[:2]
    hypernet = Hypernet(HypernetConfig(rank=2, steps=10, hidden=16), sites, width=8).bind(model)
    x = torch.randn(2, 5, 8)
    factors = hypernet(torch.randn(2, 8), torch.tensor([10, 10]))
    V = torch.linalg.lstsq(model.v.weight.detach().expand(2, -1, -1), factors["v"].B.detach()).solution
    with torch.no_grad(), active(model, factors):
        adapted = {name: getattr(model, name)(x) for name in ("k", "v")}
    for name, seen in adapted.items():
        edited = x + x @ factors[name].A.detach().transpose(1, 2) @ V.transpose(1, 2)
        assert torch.allclose(seen, getattr(model, name)(edited), atol=1e-4), "k and v are not given the same edit"
    assert not torch.allclose(adapted["v"], model.v(x), atol=1e-2)


def test_the_base_is_not_saved_with_the_hypernetwork(model: Model) -> None:
    hypernet = Hypernet(HypernetConfig(rank=2, steps=10, hidden=16), SITES, width=8)
    before = {name: tensor.shape for name, tensor in hypernet.state_dict().items()}
    assert {name: tensor.shape for name, tensor in hypernet.bind(model).state_dict().items()} == before


def test_a_head_that_reads_the_base_must_be_shown_it() -> None:
    with pytest.raises(UnhypeError, match=r"call bind\(denoiser\) first"):
        Through(2, SITES, 16, 4)(torch.randn(1, 16))
