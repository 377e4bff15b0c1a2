"""Paths of LoRAs: what is measured of them, SGD on a loss whose path is known, and slope matching that follows it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from unhype.adapters.lora import Factors
from unhype.adapters.sites import Site
from unhype.erasing.heads import Through
from unhype.erasing.losses import removal_loss

EXPERIMENTS = Path(__file__).resolve().parent.parent / "experiments"
ETA, S = 0.3, 6


@pytest.fixture(scope="module")
def paths() -> Any:
    sys.path.insert(0, str(EXPERIMENTS))
    import paths

    yield paths
    sys.path.remove(str(EXPERIMENTS))


@pytest.fixture(scope="module")
def walking(paths: Any) -> Any:
    import walking

    return walking


def lora(k: int = 2) -> dict[str, Factors]:
    torch.manual_seed(0)
    return {name: Factors(torch.randn(k, 2, 4), torch.randn(k, outputs, 2)) for name, outputs in (("a", 3), ("b", 5))}


def quadratic(paths: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Curvatures and minimum of ½ (θ − m)ᵀ diag(λ) (θ − m)."""
    size = paths.flat(lora()).shape
    return torch.rand(size, generator=torch.Generator().manual_seed(1)) * 2, torch.ones(size)


def closed_form(paths: Any) -> torch.Tensor:
    """θ_s = m + (1 − ηλ)^s (θ_0 − m)."""
    (curvature, minimum), start = quadratic(paths), paths.flat(lora())
    return torch.stack([minimum + (1 - ETA * curvature) ** s * (start - minimum) for s in range(S + 1)])


def test_factors_in_a_row_come_back(paths: Any) -> None:
    again = paths.shaped(paths.flat(lora()), lora())
    for name, each in lora().items():
        assert torch.equal(again[name].A, each.A)
        assert torch.equal(again[name].B, each.B)


def test_a_path_beside_itself_and_beside_one_that_stays(paths: Any) -> None:
    straight = torch.arange(5.0)[:, None, None] * torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    assert torch.equal(paths.length(straight), torch.tensor([20.0, 4.0]))
    assert float(paths.apart(straight, straight).max()) == 0
    assert torch.allclose(paths.apart(torch.zeros_like(straight), straight)[:, 0], torch.linspace(0, 1, 5))


def test_the_nearest_place_is_told_by_its_step_and_distance(paths: Any) -> None:
    straight = torch.arange(5.0)[:, None, None] * torch.tensor([[1.0, 0.0]])
    s, off = paths.nearest(torch.tensor([[2.0, 2.0]]), straight)
    assert s.tolist() == [2]
    assert off.tolist() == [0.5]


def test_noise_of_two_estimates_does_not_turn_a_true_step(paths: Any) -> None:
    true = torch.ones(400, 256)
    noise = torch.randn(2, 400, 256, generator=torch.Generator().manual_seed(0))
    cosine, ratio = paths.slopes_alike(2 * true, [true + noise[0], true + noise[1]])
    assert float(cosine.mean()) == pytest.approx(1, abs=0.02)
    assert float(ratio.mean()) == pytest.approx(2, abs=0.04)
    plain = torch.cosine_similarity(2 * true, true + noise[0], dim=1)
    assert float(plain.mean()) < 0.75


def test_a_plane_keeps_the_distances_of_paths_that_lie_in_it(paths: Any) -> None:
    torch.manual_seed(0)
    axes = torch.linalg.qr(torch.randn(20, 2))[0]
    flat = [torch.randn(7, 2), torch.randn(7, 2)]
    found, share = paths.plane([each @ axes.T for each in flat])
    assert share == pytest.approx(1)
    assert torch.allclose(torch.cdist(found[0], found[1]), torch.cdist(flat[0], flat[1]), atol=1e-4)
    assert found[0][0].abs().max() < 1e-5


def test_sgd_walks_the_closed_form(paths: Any, walking: Any) -> None:
    curvature, minimum = quadratic(paths)
    found = walking.walk(lora(), lambda theta, s: curvature * (paths.flat(theta) - minimum), S, ETA)
    assert torch.allclose(found, closed_form(paths), atol=1e-5)


def emitted_by(paths: Any, pinned: bool) -> torch.Tensor:
    """Slope matching, by the product's own loss, of a table of θ_s; ``pinned`` holds its first row at the start."""
    curvature, minimum = quadratic(paths)
    start = paths.flat(lora())
    torch.manual_seed(1)
    table = torch.nn.Parameter(start + 0.3 * torch.randn(S + 1, *start.shape))
    optimizer = torch.optim.Adam([table], lr=0.1)
    like = {name: Factors(f.A.repeat(S, 1, 1), f.B.repeat(S, 1, 1)) for name, f in lora().items()}

    def rows() -> torch.Tensor:
        return torch.cat([start[None], table[1:]]) if pinned else table

    for turn in range(800):
        optimizer.param_groups[0]["lr"] = 0.1 * 0.993**turn
        now, following = rows()[:-1], rows()[1:]
        slope = (curvature * (now - minimum)).detach()
        # All s at once, as samples of one batch.
        loss = removal_loss(*(paths.shaped(each.flatten(0, 1), like) for each in (now, following, slope)), ETA)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return rows().detach()


def test_matched_slopes_are_sgd_s_path_if_the_start_is_pinned(paths: Any) -> None:
    wanted = closed_form(paths)
    assert float(paths.apart(emitted_by(paths, pinned=True), wanted).max()) < 0.01
    assert float(paths.apart(emitted_by(paths, pinned=False), wanted)[0].min()) > 0.05


def test_the_range_of_a_head_holds_what_it_emits_and_takes_the_nearest_of_the_rest(paths: Any, walking: Any) -> None:
    torch.manual_seed(0)
    model = torch.nn.ModuleDict({name: torch.nn.Linear(4, out) for name, out in (("a", 3), ("b", 5))})
    head = Through(2, [Site("a", 4, 3, "states"), Site("b", 4, 5, "states")], 8, 1)
    head.bind(model)
    onto = walking.into_range(head, lora())
    own = paths.flat({name: Factors(left, right) for name, (left, right) in head(torch.randn(2, 8)).items()}).detach()
    assert torch.allclose(onto(own), own, atol=1e-5)
    step = torch.randn_like(own)
    assert torch.allclose(onto(onto(step)), onto(step), atol=1e-5)
    assert float(((step - onto(step)) * own).sum(1).abs().max()) < 1e-4  # what is left is orthogonal to all it emits
