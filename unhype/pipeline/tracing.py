"""What a computation would cost, from its shapes: bytes that live at its worst moment, and floating-point operations.

It runs on the meta device, where no number is computed. Every tensor's storage is counted while something refers to it:
what is kept for a backward pass, or not kept with gradient checkpointing, is counted as it happens. Not seen: scratch
memory inside an operation, and what an allocator holds back.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import flop_registry


@dataclass(frozen=True)
class Trace:
    """What was counted.

    Attributes:
        peak: bytes of the tensors that lived at once, without those that were there before.
        flops: floating-point operations; a product and a sum are two.
        calls: operations of torch that were called, however small.
    """

    peak: int
    flops: int
    calls: int


def trace(run: Callable[[], object], device: str, arithmetic: torch.dtype | None = None) -> Trace:
    """Cost of a computation on the meta device.

    Args:
        run: computes; its result is let go.
        device: ``cuda`` or ``cpu``, which attend and normalise differently.
        arithmetic: of matrix products, where autocast is on.
    """
    counts = _Counts()
    with _Arithmetic(device, arithmetic), counts:
        run()
    return Trace(counts.peak, counts.flops, counts.calls)


def checkpointing_of(device: str, arithmetic: torch.dtype | None) -> Callable[..., Any]:
    """Gradient checkpointing under a trace: what is computed again is computed in the same arithmetic."""

    def checkpointing(module: nn.Module, *args: Any) -> Any:
        return checkpoint(
            module.__call__,
            *args,
            use_reentrant=False,
            context_fn=lambda: (nullcontext(), _Arithmetic(device, arithmetic)),
        )

    return checkpointing


class _Counts(TorchDispatchMode):
    """Bytes of all storages that were made under this mode and are still referred to; calls and operations."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = self.calls = self.flops = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        there = {id(leaf.untyped_storage()) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)}
        result = func(*args, **(kwargs or {}))
        self.calls += 1
        if (count := flop_registry.get(getattr(func, "overloadpacket", None))) is not None:
            self.flops += count(*args, **(kwargs or {}), out_val=result)
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._count(leaf.untyped_storage(), there)
        return result

    def _count(self, storage: torch.UntypedStorage, there: set[int]) -> None:
        key = id(storage)
        if key in self._known or key in there:
            return
        self._known.add(key)
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._gone, key, storage.nbytes())

    def _gone(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


PRODUCTS = {F.linear, F.conv2d, torch.bmm, torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__, torch.einsum}
NORMS = {F.group_norm, F.layer_norm}


class _Arithmetic(TorchFunctionMode):
    """Attention without its matrix, and autocast, neither of which the meta device knows by itself.

    Products are computed in the arithmetic that was asked for; on a GPU autocast keeps norms in float32. Attention on a
    CPU keeps its matrix where gradients are wanted, as the trainer asks for.
    """

    def __init__(self, device: str, arithmetic: torch.dtype | None) -> None:
        super().__init__()
        self.device, self.arithmetic = device, arithmetic

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        attention = func is F.scaled_dot_product_attention
        if self.arithmetic is not None and (func in PRODUCTS or attention):
            args, kwargs = tree_map(lambda leaf: _as(leaf, self.arithmetic), (args, kwargs))
        if self.arithmetic is not None and self.device == "cuda" and func in NORMS:
            args, kwargs = tree_map(lambda leaf: _as(leaf, torch.float32), (args, kwargs))
        if attention and not (self.device == "cpu" and torch.is_grad_enabled()):
            query, key, value = args[:3] if len(args) > 2 else (kwargs["query"], kwargs["key"], kwargs["value"])
            return torch.ops.aten._scaled_dot_product_efficient_attention(query, key, value, None, True)[0]
        return func(*args, **kwargs)


def _as(leaf: Any, dtype: torch.dtype | None) -> Any:
    return leaf.to(dtype) if isinstance(leaf, torch.Tensor) and leaf.is_floating_point() else leaf


def weight_bytes(modules: Iterable[nn.Module]) -> int:
    """Of all parameters and buffers, each storage once."""
    tensors = {id(t): t for module in modules for t in (*module.parameters(), *module.buffers())}
    return sum(t.numel() * t.element_size() for t in tensors.values())
