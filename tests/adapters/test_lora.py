"""Per-sample LoRA: equal to merged weights sample by sample, gone without a trace, and never silently idle."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from unhype.adapters.lora import Factors, active, listen
from unhype.adapters.sites import Site, find_sites
from unhype.errors import UnhypeError


class Toy(nn.Module):
    """Two attention-like projections and a layer that is skipped on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.ModuleDict({"to_k": nn.Linear(5, 4), "to_v": nn.Linear(5, 3, bias=False)})
        self.norm = nn.LayerNorm(5)

    def forward(self, x: torch.Tensor, skip: bool = False) -> torch.Tensor:
        x = self.norm(x)
        key = self.block["to_k"](x)
        return key.sum(-1) if skip else key.sum(-1) + self.block["to_v"](x).square().sum(-1)


@pytest.fixture
def toy() -> Toy:
    torch.manual_seed(0)
    return Toy().double()


def draw(samples: int, rank: int = 2) -> dict[str, Factors]:
    generator = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return {
        f"block.{name}": Factors(normal(samples, rank, 5), normal(samples, outputs, rank))
        for name, outputs in (("to_k", 4), ("to_v", 3))
    }


def behind_nothing(factors: Factors) -> Factors:
    """As many zero adapters first: a guided batch, whose first half is unconditional."""
    return Factors(torch.cat([0 * factors.A, factors.A]), torch.cat([0 * factors.B, factors.B]))


@pytest.mark.parametrize("shape", [(3, 5), (3, 7, 5), (3, 2, 7, 5)])
def test_every_sample_sees_its_own_merged_weights(toy: Toy, shape: tuple[int, ...]) -> None:
    x, factors = torch.randn(shape, dtype=torch.float64), draw(3)
    with active(toy, factors):
        together = toy(x)
    for i in range(3):
        merged = Toy().double()
        merged.load_state_dict(toy.state_dict())
        with torch.no_grad():
            for name, factor in factors.items():
                merged.get_submodule(name).weight += factor.merged()[i]
        assert torch.allclose(together[i], merged(x[i : i + 1])[0])


def test_nothing_is_left_behind_even_after_an_error(toy: Toy) -> None:
    x = torch.randn(3, 7, 5, dtype=torch.float64)
    before = toy(x)
    with active(toy, draw(3)) as calls:
        assert not torch.equal(toy(x), before)
        assert calls == {"block.to_k": 1, "block.to_v": 1}
    with pytest.raises(RuntimeError, match="boom"), active(toy, draw(3)):
        raise RuntimeError("boom")
    assert torch.equal(toy(x), before)


def test_the_unconditional_half_is_the_base_itself(toy: Toy) -> None:
    x = torch.randn(3, 7, 5, dtype=torch.float64)
    with active(toy, {name: behind_nothing(factor) for name, factor in draw(3).items()}):
        guided = toy(torch.cat([x, x]))
    assert torch.equal(guided[:3], toy(x))
    with active(toy, draw(3)):
        assert torch.allclose(guided[3:], toy(x))


def test_gradients_reach_the_factors_and_match_finite_differences(toy: Toy) -> None:
    x = torch.randn(2, 3, 5, dtype=torch.float64)

    def run(A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
        with active(toy, {"block.to_v": Factors(A, B)}):
            return toy(x)

    factor = draw(2)["block.to_v"]
    assert torch.autograd.gradcheck(run, (factor.A.requires_grad_(), factor.B.requires_grad_()))


def test_sites_are_found_in_order_with_their_widths(toy: Toy) -> None:
    assert find_sites(toy, {"to_v": "states", "to_k": "states"}) == (Site("block.to_k", 5, 4), Site("block.to_v", 5, 3))


@pytest.mark.parametrize(
    ("ending", "words"),
    [("to_q", "no layer that ends in 'to_q'"), ("o_k", "no layer"), ("norm", "LayerNorm at 'norm'")],
)
def test_unmatched_endings_are_errors(toy: Toy, ending: str, words: str) -> None:
    with pytest.raises(UnhypeError, match=words):
        find_sites(toy, {"to_k": "states", ending: "states"})


def test_mismatches_are_named(toy: Toy) -> None:
    factors = draw(3)
    with pytest.raises(UnhypeError, match=r"got no layer"), active(toy, {"block.to_q": factors["block.to_k"]}):
        pass
    with (
        pytest.raises(UnhypeError, match=r"5 → 3 for 'block.to_k', wanted 5 → 4"),
        active(toy, {"block.to_k": factors["block.to_v"]}),
    ):
        pass
    with (
        pytest.raises(UnhypeError, match=r"one number for all"),
        active(toy, {"block.to_k": factors["block.to_k"], "block.to_v": draw(2)["block.to_v"]}),
    ):
        pass
    with pytest.raises(ValueError, match=r"batch of 2 at 'block.to_k', wanted 3"), active(toy, factors):
        toy(torch.randn(2, 7, 5, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"wanted \[n, rank, inputs\]"):
        Factors(torch.zeros(2, 3, 4), torch.zeros(2, 5, 2))


def test_a_site_that_never_ran_is_an_error(toy: Toy) -> None:
    with pytest.raises(UnhypeError, match=r"'block.to_v' \(1 of 2 adapted layers"), active(toy, draw(3)):
        toy(torch.randn(3, 7, 5, dtype=torch.float64), skip=True)


@torch.no_grad()
def test_what_a_site_adds_is_kept_only_as_long_as_it_is_right(toy: Toy) -> None:
    """Each change of what it depends on is seen: another text, the same one changed in place, other factors."""
    layer = toy.block["to_k"]
    x, now = torch.randn(2, 7, 5, dtype=torch.float64), draw(2)["block.to_k"]
    told = [now]
    handle = listen(toy, "block.to_k", lambda _: told[0], constant=True)

    def right() -> bool:
        bare = torch.nn.functional.linear(x, layer.weight, layer.bias)
        return torch.allclose(layer(x), bare + torch.einsum("nti,noi->nto", x, told[0].merged()))

    assert right()
    assert right()
    x = torch.randn(2, 7, 5, dtype=torch.float64)
    assert right(), "another text"
    x *= 2
    assert right(), "changed in place"
    told[0] = Factors(now.A, 2 * now.B)
    assert right(), "other factors"
    layer.weight.mul_(2)
    assert right(), "other weights under it"
    with torch.inference_mode():
        x = torch.randn(2, 7, 5, dtype=torch.float64)
        assert right()
        x *= 2
        assert right(), "where changes in place are not counted"
    handle.remove()


@torch.no_grad()
def test_a_text_that_is_the_same_in_every_step_is_multiplied_once(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    x, factors, products = torch.randn(2, 7, 5, dtype=torch.float64), draw(2), []
    multiply = torch.bmm
    monkeypatch.setattr(torch, "bmm", lambda *args: products.append(1) or multiply(*args))
    handle = listen(toy, "block.to_k", factors.__getitem__, constant=True)
    outputs = [toy.block["to_k"](x) for _ in range(20)]
    handle.remove()
    assert len(products) == 2
    assert all(torch.equal(output, outputs[0]) for output in outputs)
