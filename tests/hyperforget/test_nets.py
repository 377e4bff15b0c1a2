"""Nets as rows of a tensor are the nets that torch knows, one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from unhype.errors import UnhypeError
from unhype.hyperforget.digits import Split
from unhype.hyperforget.nets import (
    Shape,
    accuracies,
    canonical,
    class_losses,
    descend,
    initial,
    logits,
    nets_of,
    parts_of,
)
from unhype.pipeline.forgetting import layers, read_net

SHAPE = Shape(hidden=6)


@pytest.fixture
def nets() -> torch.Tensor:
    return 3 * initial(4, SHAPE, torch.Generator().manual_seed(0))


def as_torch(net: torch.Tensor) -> nn.Sequential:
    module = nn.Sequential(nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 10))
    module.load_state_dict(layers(net, SHAPE), strict=True)
    return module


def test_batched_losses_are_those_of_linear_layers(nets: torch.Tensor, split: Split) -> None:
    data = split.test
    losses, right = class_losses(nets, data, SHAPE), accuracies(nets, data, SHAPE)
    for i, net in enumerate(nets):
        said = as_torch(net)(data.x)
        each = F.cross_entropy(said, data.y, reduction="none")
        for digit in range(10):
            assert torch.allclose(losses[i, digit], each[data.y == digit].mean(), atol=1e-5)
        assert torch.allclose(right[i], (said.argmax(-1) == data.y).float().mean())


def test_nets_are_trained_as_if_each_were_alone(nets: torch.Tensor, split: Split) -> None:
    def loss(some: torch.Tensor) -> torch.Tensor:
        return class_losses(some, split.test, SHAPE).mean(-1)

    *_, together = descend(nets, loss, 5, 1e-2)
    *_, alone = descend(nets[2:3], loss, 5, 1e-2)
    assert torch.allclose(together[2:3], alone, atol=1e-5)
    assert (loss(together) < loss(nets)).all()


def test_the_canonical_form_says_the_same(nets: torch.Tensor, split: Split) -> None:
    own = canonical(nets, SHAPE)
    before, after = (logits(some, split.test.x, SHAPE).log_softmax(-1) for some in (nets, own))
    assert torch.allclose(before, after, atol=1e-4)
    inward, outward, bias = parts_of(own, SHAPE)
    assert torch.allclose(inward.norm(dim=-1), outward.norm(dim=-1), atol=1e-4)
    assert outward.mean(-1).abs().max() < 1e-5
    assert bias.mean(-1).abs().max() < 1e-5
    assert torch.allclose(canonical(own, SHAPE), own, atol=1e-4)


def test_parts_and_files_lead_back(nets: torch.Tensor, tmp_path: Path) -> None:
    assert torch.equal(nets_of(*parts_of(nets, SHAPE)), nets)
    path = tmp_path / "net.safetensors"
    save_file({name: part.contiguous() for name, part in as_torch(nets[1]).state_dict().items()}, path)
    assert torch.equal(read_net(path, SHAPE), nets[1])


def test_a_net_of_another_shape_is_refused(nets: torch.Tensor, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file({name: part.contiguous() for name, part in layers(nets[0], SHAPE).items()}, path)
    with pytest.raises(UnhypeError, match=r"wanted a net with .*7, 64"):
        read_net(path, Shape(hidden=7))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UnhypeError, match="got a damaged"):
        read_net(path, SHAPE)
