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
    assert net(torch.randn(3, 4, 16, 16)).shape == (3, 5)
    assert net(torch.randn(1, 4, 24, 32)).shape == (1, 5)


def test_a_picture_is_judged_alone(net: MonitorNet) -> None:
    features = torch.randn(4, 4, 16, 16)
    assert torch.allclose(net(features)[2:3], net(features[2:3]), atol=1e-5)


def test_features_are_brought_to_one_scale(net: MonitorNet) -> None:
    features = 5 + 3 * torch.randn(64, 4, 16, 16)
    plain = net((features - features.mean((0, 2, 3), keepdim=True)) / features.std((0, 2, 3), keepdim=True))
    net.fit_scale(features)
    assert torch.allclose(net(features), plain, atol=1e-3)


def test_the_first_names_can_be_kept_alone(net: MonitorNet) -> None:
    features = torch.randn(2, 4, 16, 16)
    before = net(features)
    net.keep(2)
    assert torch.allclose(net(features), before[:, :2], atol=1e-5)


@pytest.mark.parametrize("width", [0, 4, 12])
def test_a_width_must_fall_into_groups(width: int) -> None:
    with pytest.raises(ValueError, match="wanted a multiple of 8"):
        NetConfig(width)
