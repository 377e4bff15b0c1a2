"""The net: one logit a name, from wherever in the picture somebody is."""

from __future__ import annotations

import pytest
import torch

from unhype.monitor.net import MonitorNet, NetConfig


@pytest.fixture
def net() -> MonitorNet:
    torch.manual_seed(0)
    return MonitorNet(NetConfig(8), 4, 5).eval()


def test_it_gives_a_logit_for_each_name_at_any_size(net: MonitorNet) -> None:
    assert net(torch.randn(3, 4, 16, 16), torch.full((3,), 0.2)).shape == (3, 5)
    assert net(torch.randn(1, 4, 24, 32), torch.zeros(1)).shape == (1, 5)


def test_it_is_told_how_far_the_way_is(net: MonitorNet) -> None:
    latents = torch.randn(2, 4, 16, 16)
    assert not torch.allclose(net(latents, torch.full((2,), 0.1)), net(latents, torch.full((2,), 0.4)))


def test_a_picture_is_judged_alone(net: MonitorNet) -> None:
    latents, share = torch.randn(4, 4, 16, 16), torch.full((4,), 0.2)
    assert torch.allclose(net(latents, share)[2:3], net(latents[2:3], share[2:3]), atol=1e-5)


def test_latents_are_brought_to_one_scale(net: MonitorNet) -> None:
    latents, share = 5 + 3 * torch.randn(64, 4, 16, 16), torch.full((64,), 0.2)
    plain = net((latents - latents.mean((0, 2, 3), keepdim=True)) / latents.std((0, 2, 3), keepdim=True), share)
    net.fit_scale(latents)
    assert torch.allclose(net(latents, share), plain, atol=1e-3)


def test_the_first_names_can_be_kept_alone(net: MonitorNet) -> None:
    latents, share = torch.randn(2, 4, 16, 16), torch.full((2,), 0.2)
    before = net(latents, share)
    net.keep(2)
    assert torch.allclose(net(latents, share), before[:, :2], atol=1e-5)


@pytest.mark.parametrize("width", [0, 4, 12])
def test_a_width_must_fall_into_groups(width: int) -> None:
    with pytest.raises(ValueError, match="wanted a multiple of 8"):
        NetConfig(width)
