"""Low-rank adapters that differ from sample to sample: every sample of a batch has its own ΔW = BA.

The adapted Linear layers keep their weights. While ``with active(model, factors)`` is open, a forward hook adds
``x Aᵀ Bᵀ`` in two batched products; when it closes, the model is what it was, to the bit. So classifier-free guidance
and mixed batches need no second pass: a sample with B = 0 is the base's own.

Source: Hu et al. 2021 (LoRA), equation 3; alpha is folded into the factors.

Shapes: n samples, t tokens, i inputs, o outputs, r rank.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from unhype.adapters.sites import layer_at
from unhype.errors import UnhypeError


@dataclass(frozen=True)
class Factors:
    """The adapters of one site for n samples: ``A [n, r, i]`` and ``B [n, o, r]``."""

    A: torch.Tensor
    B: torch.Tensor

    def __post_init__(self) -> None:
        if self.A.ndim != 3 or self.B.ndim != 3 or self.A.shape[:2] != (self.B.shape[0], self.B.shape[2]):
            A, B = tuple(self.A.shape), tuple(self.B.shape)
            raise ValueError(f"got A {A} and B {B}, wanted [n, rank, inputs] and [n, outputs, rank]")

    @property
    def samples(self) -> int:
        """n."""
        return self.A.shape[0]

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


@contextmanager
def active(model: nn.Module, factors: Mapping[str, Factors]) -> Iterator[Counter[str]]:
    """Adapt ``model`` while the context is open; yields how often each site has run.

    The context must also cover a backward pass that recomputes the forward one (gradient checkpointing).

    Args:
        factors: site name → factors; all for the same number of samples, which is the model's batch.

    Raises:
        UnhypeError: an unknown site, factors that do not fit it, or a site that never ran though the context closed
            in order.
        ValueError: on the forward pass, a batch of another size than the factors'.
    """
    for name, factor in factors.items():
        check_fit(model, name, factor)
    numbers = sorted({factor.samples for factor in factors.values()})
    if len(numbers) > 1:
        raise UnhypeError(f"got factors for {numbers} samples at different sites, wanted one number for all")
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
        raise UnhypeError(idle_sites(idle, len(factors)))


def idle_sites(idle: Sequence[str], total: int) -> str:
    """What to tell a person about adapted layers that were passed by."""
    return (
        f"got no call of {idle[0]!r} ({len(idle)} of {total} adapted layers never ran), wanted every one to take part: "
        "undo fuse_qkv_projections(), block caches and compilation from before"
    )


def listen(
    model: nn.Module, name: str, factors: Callable[[str], Factors | None], constant: bool = False
) -> RemovableHandle:
    """Adapt one Linear from now on, each time with the factors that ``factors(name)`` gives then; None leaves it be.

    Args:
        constant: its input is the text, which is the same in every step of a picture: so is what is added, and it is
            worked out once.
    """
    return layer_at(model, name).register_forward_hook(_Adapter(name, factors, constant))


class _Adapter:
    """What one Linear is told after each call."""

    def __init__(self, name: str, factors: Callable[[str], Factors | None], constant: bool) -> None:
        self.name, self.factors, self.constant = name, factors, constant
        self.last: tuple[torch.Tensor, int, Factors, torch.Tensor] | None = None

    def __call__(self, layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        x, factor = inputs[0], self.factors(self.name)
        if factor is None:
            self.last = None
            return output
        if x.shape[0] != factor.samples:
            raise ValueError(
                f"got a batch of {x.shape[0]} at {self.name!r}, wanted {factor.samples}, one for each sample's factors"
            )
        # Tensors of inference mode tell no one when they are changed in place.
        if not self.constant or torch.is_grad_enabled() or x.is_inference():
            return output + _delta(x, factor).reshape(output.shape)
        last = self.last
        if last is None or last[0] is not x or last[1] != x._version or last[2] is not factor:
            self.last = last = (x, x._version, factor, _delta(x, factor).reshape(output.shape))
        return output + last[3]


def _delta(x: torch.Tensor, factor: Factors) -> torch.Tensor:
    tokens = x.reshape(x.shape[0], -1, x.shape[-1])
    A, B = factor.A.to(x), factor.B.to(x)
    return torch.bmm(torch.bmm(tokens, A.transpose(1, 2)), B.transpose(1, 2))


def check_fit(model: nn.Module, name: str, factor: Factors) -> None:
    """Refuse factors that do not fit the layer of this name.

    Raises:
        UnhypeError: no such layer, or other widths.
    """
    layer = layer_at(model, name)
    if (factor.A.shape[2], factor.B.shape[1]) != (layer.in_features, layer.out_features):
        raise UnhypeError(
            f"got factors of {factor.A.shape[2]} → {factor.B.shape[1]} for {name!r}, "
            f"wanted {layer.in_features} → {layer.out_features}: were they made for another base?"
        )
