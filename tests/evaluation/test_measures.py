"""R² of an echo is 1; distance sees through permutations; the attack knows members where there is something to know."""

from __future__ import annotations

import pytest
import torch

from unhype.evaluation.measures import alignment, distance, matched, membership
from unhype.hyperforget.digits import Digits, load_split
from unhype.hyperforget.nets import Shape, initial, logits, nets_of, parts_of

SHAPE = Shape(hidden=6)
ASKED = torch.linspace(0.5, 16, 12)


def permuted(nets: torch.Tensor) -> torch.Tensor:
    inward, outward, bias = parts_of(nets, SHAPE)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    return nets_of(inward[:, order], outward[:, order], bias)


def test_r_squared_of_known_answers() -> None:
    assert alignment(ASKED, ASKED.repeat(4, 1)) == 1
    assert alignment(ASKED, ASKED.mean().expand(4, 12)) == pytest.approx(0, abs=1e-6)
    assert alignment(ASKED, torch.stack([ASKED, ASKED.mean().expand(12)])) == pytest.approx(0.5, abs=1e-6)
    assert alignment(ASKED, (2 * ASKED.mean() - ASKED)[None]) == pytest.approx(-3, abs=1e-5)


@pytest.fixture
def nets() -> torch.Tensor:
    return initial(9, SHAPE, torch.Generator().manual_seed(0))


def test_permuted_nets_are_copies(nets: torch.Tensor) -> None:
    mixed = permuted(nets)
    assert (mixed - nets).norm(dim=-1).min() > 1
    assert distance(mixed, nets, SHAPE) < 1e-2
    assert torch.allclose(matched(mixed[:1], nets[0], SHAPE)[0], nets[0])
    said = logits(mixed, torch.rand(5, 64), SHAPE)
    assert said.shape == (9, 5, 10)


def test_the_distance_is_that_of_the_best_matching_of_all(nets: torch.Tensor) -> None:
    from itertools import permutations

    inward, outward, bias = parts_of(nets, SHAPE)
    orders = [list(order) for order in permutations(range(6))]
    every = [float((nets_of(inward[1][order], outward[1][order], bias[1]) - nets[0]).norm()) for order in orders]
    assert distance(nets[:1], nets[1:2], SHAPE) == pytest.approx(min(every), rel=1e-4)


def test_the_nearest_is_found_among_many(nets: torch.Tensor) -> None:
    near = permuted(nets + 0.01 * torch.randn(nets.shape, generator=torch.Generator().manual_seed(1)))
    one_by_one = [min(distance(net[None], other[None], SHAPE) for other in nets) for net in near]
    assert distance(near, nets, SHAPE) == pytest.approx(sum(one_by_one) / 9, rel=1e-4)


def test_membership_is_told_from_the_entropy() -> None:
    """Nets that are sure of bright pictures and of nothing else: members are bright, others dark."""
    split = load_split(0)
    net = nets_of(torch.zeros(1, 6, 65), torch.zeros(1, 6, 10), torch.zeros(1, 10))
    inward, outward, bias = (part.clone() for part in parts_of(net, SHAPE))
    inward[:, 0, :64], outward[:, 0, 0] = 1.0, 1.0
    sure_if_bright = nets_of(inward, outward, bias)

    def lit(data: Digits, digit_bright: bool, others_bright: bool) -> Digits:
        bright = torch.where(data.y == 3, digit_bright, others_bright).float()[:, None]
        return data._replace(x=bright * (0.5 + 0.01 * data.x))

    for bright, share in ((True, 1.0), (False, 0.0)):
        own = split._replace(train=lit(split.train, bright, True), test=lit(split.test, False, False))
        assert membership(sure_if_bright, own, 3, SHAPE) == share
