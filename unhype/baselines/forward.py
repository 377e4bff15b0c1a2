"""A denoiser whose forward is another's for a while, and what a denoiser returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


@contextmanager
def instead(model: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """A model that computes ``forward`` while the context is open."""
    own = vars(model).get("forward")
    model.forward = forward
    try:
        yield
    finally:
        del model.forward
        if own is not None:  # whoever offloads weights has put one there, too
            model.forward = own


def first(returned: Any) -> torch.Tensor:
    """The prediction in what a denoiser returns: a tensor, or something that begins with one."""
    found: torch.Tensor = returned if isinstance(returned, torch.Tensor) else returned[0]
    return found


def with_first(returned: Any, prediction: torch.Tensor) -> Any:
    """The same with another prediction."""
    if isinstance(returned, torch.Tensor):
        return prediction
    return (prediction, *returned[1:]) if isinstance(returned, tuple) else type(returned)(prediction)
