"""Neurons permuted at the entrance come out permuted alike; what a net says does not depend on their order."""

from __future__ import annotations

import pytest
import torch

from unhype.hyperforget.denoiser import Denoiser, DenoiserSettings
from unhype.hyperforget.digits import Split
from unhype.hyperforget.nets import Shape, logits, nets_of, parts_of, relabelled

SHAPE = Shape(hidden=7)


def permuted(nets: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    inward, outward, bias = parts_of(nets, SHAPE)
    return nets_of(inward[:, order], outward[:, order], bias)


@pytest.mark.parametrize("started", [False, True])
def test_permuted_neurons_in_the_same_permutation_out(started: bool, split: Split) -> None:
    torch.manual_seed(0)
    denoiser = Denoiser(DenoiserSettings(width=16, layers=3, heads=2), SHAPE, 2, started)
    for parameter in denoiser.parameters():  # adaLN begins at nought, where the condition has no say
        torch.nn.init.normal_(parameter, std=0.2)
    x, start = torch.randn(2, 3, SHAPE.size)
    t, losses, order = torch.tensor([0, 500, 999]), torch.rand(3, 2) * 10, torch.randperm(7)
    begun = start if started else None
    with torch.no_grad():
        plain = denoiser(x, t, losses, begun)
        mixed = denoiser(permuted(x, order), t, losses, permuted(start, order) if started else None)
        other = denoiser(x, t, losses + 1, begun)
    assert (permuted(plain, order) - mixed).abs().max() < 1e-5
    assert not torch.allclose(plain, mixed, atol=1e-2)
    assert not torch.allclose(plain, other, atol=1e-3), "losses have a say"
    before, after = (logits(nets, split.test.x, SHAPE) for nets in (plain, mixed))
    assert torch.allclose(before, after, atol=1e-4)


def test_relabelled_nets_say_the_same_of_other_names(split: Split) -> None:
    nets = torch.randn(2, SHAPE.size)
    order = torch.stack([torch.randperm(10), torch.randperm(10)])
    before, after = (logits(some, split.test.x, SHAPE) for some in (nets, relabelled(nets, order, SHAPE)))
    assert torch.allclose(before.gather(-1, order[:, None].expand_as(before)), after, atol=1e-5)


def test_a_width_that_the_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="a width that twice the heads divides"):
        DenoiserSettings(width=30, heads=4)
