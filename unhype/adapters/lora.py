"""Low-rank adapters that differ from sample to sample: ``with active(model, factors)`` every sample of a batch has its own ΔW = BA.

The adapted Linear layers keep their weights. While the context is open, a forward hook adds ``x Aᵀ Bᵀ`` in two batched products that
contract over the sample index; when it closes, the model is what it was, to the bit. So classifier-free guidance and mixed batches need
no second pass: a sample with B = 0 is the base's own. Source: Hu et al. 2021 (LoRA), equation 3; alpha is folded into the factors.

Shapes: n samples, t tokens, i inputs, o outputs, r rank.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from unhype.errors import UnhypeError


@dataclass(frozen=True)
class Site:
    """A Linear layer that can be adapted: its name in the model, and its widths."""

    name: str
    inputs: int
    outputs: int


@dataclass(frozen=True)
class Factors:
    """The adapters of one site for n samples: ``A [n, r, i]`` and ``B [n, o, r]``."""

    A: torch.Tensor
    B: torch.Tensor

    def __post_init__(self) -> None:
        if self.A.ndim != 3 or self.B.ndim != 3 or self.A.shape[:2] != (self.B.shape[0], self.B.shape[2]):
            raise ValueError(
                f"got A {tuple(self.A.shape)} and B {tuple(self.B.shape)}, wanted [n, rank, inputs] and [n, outputs, rank]"
            )

    @property
    def samples(self) -> int:
        """n."""
        return self.A.shape[0]

    def after(self, others: Factors) -> Factors:
        """The others' samples first, then these."""
        return Factors(torch.cat([others.A, self.A]), torch.cat([others.B, self.B]))

    def after_unadapted(self) -> Factors:
        """2n samples: n zero adapters first, then these. What a guided batch needs, whose first half is unconditional."""
        return self.after(Factors(torch.zeros_like(self.A), torch.zeros_like(self.B)))

    def repeated(self, times: int) -> Factors:
        """Each sample so many times in a row."""
        return Factors(self.A.repeat_interleave(times, 0), self.B.repeat_interleave(times, 0))

    def joined(self, times: int) -> Factors:
        """Each ``times`` samples in a row as one, whose adapters act together: ranks add up."""
        n, r, inputs = self.A.shape
        B = self.B.unflatten(0, (n // times, times)).transpose(1, 2)
        return Factors(self.A.reshape(n // times, times * r, inputs), B.reshape(n // times, -1, times * r))

    def merged(self) -> torch.Tensor:
        """ΔW = BA, ``[n, o, i]``."""
        return self.B @ self.A


def find_sites(model: nn.Module, endings: tuple[str, ...]) -> tuple[Site, ...]:
    """The Linear layers whose name ends with one of ``endings`` at a dot, in the model's order.

    Raises:
        UnhypeError: an ending that no layer has, or that names something other than a Linear.
    """
    named = dict(model.named_modules())
    matches = {ending: [name for name in named if name == ending or name.endswith(f".{ending}")] for ending in endings}
    for ending, names in matches.items():
        if not names:
            raise UnhypeError(
                f"got no layer that ends in {ending!r} in {type(model).__name__}, wanted at least one: check the site table of this model family"
            )
        for name in names:
            if not isinstance(named[name], nn.Linear):
                raise UnhypeError(
                    f"got a {type(named[name]).__name__} at {name!r}, wanted a Linear: only those can be adapted"
                )
    wanted = {name for names in matches.values() for name in names}
    return tuple(Site(name, named[name].in_features, named[name].out_features) for name in named if name in wanted)


@contextmanager
def active(model: nn.Module, factors: Mapping[str, Factors]) -> Iterator[Counter[str]]:
    """Adapt ``model`` while the context is open; yields how often each site has run.

    The context must also cover a backward pass that recomputes the forward one (gradient checkpointing).

    Args:
        factors: site name → factors; all for the same number of samples, which is the model's batch.

    Raises:
        UnhypeError: an unknown site, factors that do not fit it, or a site that never ran though the context closed in order.
        ValueError: on the forward pass, a batch of another size than the factors'.
    """
    layers = dict(model.named_modules())
    for name, factor in factors.items():
        _check(name, layers.get(name), factor)
    if len({factor.samples for factor in factors.values()}) > 1:
        raise UnhypeError(
            f"got factors for {sorted({factor.samples for factor in factors.values()})} samples at different sites, wanted one number for all"
        )
    calls: Counter[str] = Counter()

    def counted(name: str) -> Factors:
        calls[name] += 1
        return factors[name]

    hooks = [listen(model, name, counted) for name in factors]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()
    idle = sorted(set(factors) - set(calls))
    if idle:
        raise UnhypeError(
            f"got no call of {idle[0]!r} ({len(idle)} of {len(factors)} sites never ran), wanted every adapted layer to take part"
        )


def listen(model: nn.Module, name: str, factors: Callable[[str], Factors]) -> RemovableHandle:
    """Adapt one Linear from now on, each time with the factors that ``factors(name)`` gives then."""
    return model.get_submodule(name).register_forward_hook(_Adapter(name, factors))


class _Adapter:
    """What one Linear is told after each call. Text is the same in every step of a picture, and so is what it adds."""

    def __init__(self, name: str, factors: Callable[[str], Factors]) -> None:
        self.name, self.factors = name, factors
        self.last: tuple[torch.Tensor, int, Factors, torch.Tensor] | None = None

    def __call__(self, layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        x, factor = inputs[0], self.factors(self.name)
        if x.shape[0] != factor.samples:
            raise ValueError(
                f"got a batch of {x.shape[0]} at {self.name!r}, wanted {factor.samples}, one for each sample's factors"
            )
        if torch.is_grad_enabled() or x.is_inference():  # the last tell no one when they are changed in place
            return output + _delta(x, factor).reshape(output.shape)
        last = self.last
        if last is None or last[0] is not x or last[1] != x._version or last[2] is not factor:
            self.last = last = (x, x._version, factor, _delta(x, factor).reshape(output.shape))
        return output + last[3]


def _delta(x: torch.Tensor, factor: Factors) -> torch.Tensor:
    tokens = x.reshape(x.shape[0], -1, x.shape[-1])
    A, B = factor.A.to(x.dtype), factor.B.to(x.dtype)
    return torch.bmm(torch.bmm(tokens, A.transpose(1, 2)), B.transpose(1, 2))


def _check(name: str, layer: nn.Module | None, factor: Factors) -> None:
    if not isinstance(layer, nn.Linear):
        raise UnhypeError(
            f"got factors for {name!r}, wanted the name of a Linear layer of this model: was it trained on another base?"
        )
    if (factor.A.shape[2], factor.B.shape[1]) != (layer.in_features, layer.out_features):
        raise UnhypeError(
            f"got factors of {factor.A.shape[2]} → {factor.B.shape[1]} for {name!r}, wanted {layer.in_features} → {layer.out_features}: "
            "were they made for another base?"
        )
