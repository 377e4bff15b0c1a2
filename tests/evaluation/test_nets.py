"""The table: every method has its row, and what is known in advance comes out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.hyperforget.conftest import NARROW, SMALL
from unhype.evaluation.nets import PROMPTS, evaluate
from unhype.evaluation.nulls import components, nulls, principal
from unhype.hyperforget.digits import load_split
from unhype.hyperforget.model import HyperForget, made_for
from unhype.hyperforget.zoo import Zoo, build


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Zoo, HyperForget]:
    zoo = build(SMALL, load_split(0), [3], tmp_path_factory.mktemp("zoo") / "zoo.safetensors")
    model = made_for(zoo, "two", "none", 3, NARROW)
    model.card |= {"sampling": 2, "draws": 1}
    model.least.fill_(0.0)  # as a zoo of long paths would have it
    model.most.fill_(20.0)
    return zoo, model


def test_every_method_has_a_row(made: tuple[Zoo, HyperForget]) -> None:
    zoo, model = made
    rows = {row["method"]: row for row in evaluate(model, zoo, load_split(0), 3)}
    assert list(rows) == [
        "trained on D",
        "retrained on D_r",
        "unlearnt by descent",
        "HyperForget",
        "zoo net with the nearest losses",
        "the same + 10% noise",
        "mean of the two nearest, matched",
        "one denoising step (regression)",
        "PCA + linear map",
    ]
    assert all(len(row["got"]) == len(PROMPTS) for row in list(rows.values())[2:])
    assert rows["zoo net with the nearest losses"]["distance"] < 1e-2, "it is a copy"
    assert rows["HyperForget"]["distance"] > 0.5
    assert all(0 <= row[key] <= 1 for row in rows.values() for key in ("forget_train", "retain_test", "membership"))
    assert rows["trained on D"]["R2"] is None


def test_the_nearest_net_of_the_zoo_is_itself(made: tuple[Zoo, HyperForget]) -> None:
    zoo, model = made
    L_f, L_r = zoo.losses[2, 8, 3], zoo.losses[2, 8, [d for d in range(10) if d != 3]].mean()
    asked, starts = torch.stack([L_f, L_r])[None], zoo.held_out[:1]
    methods = nulls(model, zoo)
    found = methods["zoo net with the nearest losses"](asked, torch.tensor([0]), starts)
    assert torch.equal(found[0], zoo.nets[2, 8])
    noisy = methods["the same + 10% noise"](asked, torch.tensor([0]), starts)
    assert float((noisy - found).norm() / found.norm()) == pytest.approx(0.1, rel=1e-3)


def test_a_line_through_a_zoo_of_one_line_is_exact(made: tuple[Zoo, HyperForget], tmp_path: Path) -> None:
    """Nets that are linear in their losses are what the map finds."""
    from dataclasses import replace

    zoo, model = made
    slope = 0.01 * torch.randn(zoo.shape.size, generator=torch.Generator().manual_seed(0))
    straight = zoo.starts[:1, None] + zoo.losses[..., 3:4] * slope
    known = replace(zoo, nets=straight, starts=zoo.starts[:1].expand_as(zoo.starts))
    asked = torch.tensor([[2.0, 1.0], [5.0, 0.5]])
    found = principal(model, known)(asked, torch.arange(2), zoo.held_out)
    assert torch.allclose(found, zoo.starts[0] + asked[:, :1] * slope, atol=2e-2)


def test_the_linear_null_is_the_same_each_time_and_draws_nothing(made: tuple[Zoo, HyperForget]) -> None:
    zoo, model = made
    asked, before = model.ask([3], 2.0)[None], torch.get_rng_state()
    once, again = (principal(model, zoo)(asked, torch.tensor([0]), zoo.held_out[:1]) for _ in range(2))
    assert torch.equal(once, again)
    assert torch.equal(torch.get_rng_state(), before)


def test_principal_components_are_those_that_vary_most() -> None:
    spread = torch.tensor([1.0, 9.0, 3.0]).diag()
    rows = torch.cat([spread, -spread])
    assert torch.allclose(components(rows).abs(), torch.eye(3)[:, [1, 2, 0]], atol=1e-6)
