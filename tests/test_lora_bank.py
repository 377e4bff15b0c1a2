"""LoRAs as data: one form for each ΔW, distances without ΔW, and a bank in which every row is its own concept's."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from unhype.adapters.lora import active
from unhype.adapters.sites import Site
from unhype.baselines.adapters import Bank
from unhype.erasing.hypernet import HypernetConfig
from unhype.hyperforget.denoiser import DenoiserSettings
from unhype.reports.weights import weights_rows
from unhype.training import Schedule

SITES = (Site("k", 12, 8), Site("v", 12, 5))
SIZE = 37


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def loras(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, SIZE, generator=generator(seed))


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parent.parent / "experiments"))
    import lora_bank

    return lora_bank


@pytest.fixture
def methods(bank: ModuleType) -> ModuleType:
    import lora_methods

    return lora_methods


def merged(bank: Any, flat: torch.Tensor) -> torch.Tensor:
    """ΔW of every site in a row, ``[n, o·i + …]``."""
    return torch.cat([each.merged().flatten(1) for each in bank.factors_of(flat, SITES).values()], 1)


def test_the_canonical_form_is_the_same_update(bank: Any) -> None:
    flat, start = loras(6), loras(1, 1)[0]
    found = bank.canonical(flat, start, SITES)
    torch.testing.assert_close(merged(bank, found), merged(bank, flat), atol=1e-6, rtol=1e-6)
    for name, each in bank.factors_of(found, SITES).items():
        A = each.A[:, 0]
        begun = bank.factors_of(start[None], SITES)[name].A[0, 0]
        torch.testing.assert_close(A.norm(dim=1), torch.ones(6))
        assert (A @ begun >= 0).all()


def test_scale_and_sign_of_the_factors_do_not_matter(bank: Any) -> None:
    flat, start = loras(4), loras(1, 1)[0]
    sides = torch.cat(
        [torch.cat([torch.full((site.inputs,), -3.0), torch.full((site.outputs,), -1 / 3)]) for site in SITES]
    )
    torch.testing.assert_close(bank.canonical(flat * sides, start, SITES), bank.canonical(flat, start, SITES))
    once = bank.canonical(flat, start, SITES)
    torch.testing.assert_close(bank.canonical(once, start, SITES), once)


def test_distances_are_those_of_the_updates(bank: Any) -> None:
    some, others = loras(3), loras(4, 1)
    wanted = torch.cdist(merged(bank, some), merged(bank, others))
    torch.testing.assert_close(bank.distances(some, others, SITES), wanted, atol=1e-4, rtol=1e-4)


class Two(nn.Module):
    """Both sites read the same text."""

    def __init__(self) -> None:
        super().__init__()
        self.k, self.v = nn.Linear(12, 8), nn.Linear(12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.k(x), self.v(x)], -1)


def built(bank: Any, m: int, choose: Any) -> Bank:
    made: Bank = bank.alike(Bank(HypernetConfig(rank=1, steps=10), SITES, m, choose))
    with torch.no_grad():
        for k, B in enumerate(made.B):
            B.copy_(torch.randn(B.shape, generator=generator(k)))
    return made


def test_a_bank_gives_each_row_its_own_lora(bank: Any) -> None:
    made = built(bank, 3, lambda c: c.argmax(1))
    assert all((A[0] == A).all() for A in made.A), "all begin alike"
    model, x, which = Two(), torch.randn(4, 2, 12, generator=generator(9)), [2, 0, 1, 2]
    flat = bank.flattened(made.tensors(), SITES)
    with torch.no_grad():
        with active(model, made(torch.eye(3)[which], torch.full((4,), 10))):
            together = model(x)
        for row, concept in enumerate(which):
            with active(model, bank.factors_of(flat[concept : concept + 1], SITES)):
                torch.testing.assert_close(model(x[row : row + 1])[0], together[row])


def test_a_concept_trains_its_own_lora_alone(bank: Any) -> None:
    made = built(bank, 3, lambda c: c.argmax(1))
    factors = made(torch.eye(3)[[1, 1]], torch.full((2,), 10))
    torch.stack([each.merged().square().sum() for each in factors.values()]).sum().backward()
    for parameter in (*made.A, *made.B):
        assert parameter.grad is not None
        assert parameter.grad.flatten(1).norm(dim=1).gt(0).tolist() == [False, True, False]


def linear_zoo(methods: Any, names: int = 40, width: int = 6) -> Any:
    """LoRAs that are a linear map of c, the farther the less is to be left."""
    c = torch.randn(names, width, generator=generator(1))
    left = torch.tensor([0.8, 0.5, 0.2])
    nets = (1 - left)[None, :, None] * (c @ torch.randn(width, SIZE, generator=generator(2)))[:, None]
    losses = torch.stack([left, 1 - left], 1).expand(names, -1, -1)
    return methods.Zoo(nets, losses, c, [20, 17])


def test_principal_components_find_a_linear_map_and_the_nearest_a_neighbour(methods: Any) -> None:
    whole = linear_zoo(methods)
    zoo = methods.Zoo(whole.nets[:-5], whole.losses[:-5], whole.c[:-5], whole.sizes)
    c, asked, true = whole.c[-5:], whole.losses[-5:, 2], whole.nets[-5:, 2]
    for ridge in (None, 0.1):
        found = methods.Principal(zoo, ridge)(c, asked)
        assert (found - true).norm() < 0.05 * true.norm()
    torch.testing.assert_close(methods.nearest(zoo, zoo.c[:3], zoo.losses[:3, 1]), zoo.nets[:3, 1])
    torch.testing.assert_close(methods.mean(zoo, c[:1], asked[:1])[0], zoo.nets[:, 2].mean(0))
    torch.testing.assert_close(zoo.unscaled(zoo.scaled), zoo.nets)


def test_the_denoiser_learns_from_the_zoo_and_draws_by_its_seed(methods: Any, tmp_path: Path) -> None:
    zoo = linear_zoo(methods)
    torch.manual_seed(0)
    model = methods.LoraDenoiser(zoo, DenoiserSettings(width=16, layers=1, heads=2))
    losses: Sequence[float] = [
        report.loss for report in model.train_on(Schedule(60, 32, 1e-2), 0, tmp_path / "denoiser.safetensors")
    ]
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
    first, again, other = (model.sample(zoo.c[:2], zoo.losses[:2, 0], seed, 4) for seed in (0, 0, 1))
    assert first.shape == (2, SIZE)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_table_has_a_row_a_method_and_means_over_seeds() -> None:
    held = [{"left": 0.4, "moved": 0.1, "R2": 0.5, "shown": 0.25, "face": 1.0}, {"left": 0.6, "moved": 0.1, "R2": 0.7}]
    header, rows = weights_rows({"methods": [{"method": "mean", "held": held, "seen": held[:1]}]})
    assert len(header) == len(rows[0])
    assert rows[0][:5] == ["mean", "0.500 ± 0.100", "0.100", "0.600 ± 0.100", "0.250"]
    assert rows[0][5:] == ["1.000", "–", "–", "0.400", "0.100", "0.500"]


def teardown_module() -> None:
    for name in ("lora_bank", "lora_methods"):
        sys.modules.pop(name, None)


def test_likeness_of_orthogonal_and_of_equal_updates(bank: Any) -> None:
    some = torch.zeros(6, sum(bank.sizes(SITES)))
    width = SITES[0].inputs
    some[:, :1] = 1.0  # one A for all, and each its own row of B
    some[torch.arange(6), width + torch.arange(6)] = 2.0
    told = bank.likeness(some, torch.eye(6), SITES)
    assert (told["mean"], told["nearest"], told["components"]) == (0.0, 0.0, 5)
    told = bank.likeness(some[:1].expand(6, -1) * torch.arange(1, 7)[:, None] ** 0.5, torch.eye(6), SITES)
    assert told["mean"] == pytest.approx(1, abs=1e-6)
    assert told["components"] == 1
