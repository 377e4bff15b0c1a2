"""Sites: the Linear layers of a denoiser that adapters go to, found by a table of names and counted.

A layer is looked for behind whatever is wrapped around it: a compiled model, a LoRA of somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from unhype.errors import UnhypeError

READS = ("states", "pooled", "hidden")
"""What a layer can read: token states of the text, the pooled vector of the text, or what the denoiser made of both."""


@dataclass(frozen=True)
class Site:
    """A Linear layer that can be adapted.

    Attributes:
        name: in the model.
        inputs, outputs: its widths.
        reads: one of ``READS``; layers that read the same thing can share an edit of it.
    """

    name: str
    inputs: int
    outputs: int
    reads: str = "states"

    def __post_init__(self) -> None:
        if self.reads not in READS:
            raise ValueError(f"got a site that reads {self.reads!r}, wanted one of {', '.join(READS)}")


def find_sites(model: nn.Module, table: Mapping[str, str]) -> tuple[Site, ...]:
    """The Linear layers whose name ends as the table says, in the model's order.

    Args:
        table: ending of a name, whole words between dots → what such a layer reads.

    Raises:
        UnhypeError: an ending that no layer has, or that names something other than a Linear.
    """
    model = unwrapped(model)
    names = [name for name, _ in model.named_modules()]
    reads: dict[str, str] = {}
    for ending, read in table.items():
        matching = [name for name in names if name == ending or name.endswith(f".{ending}")]
        if not matching:
            raise UnhypeError(
                f"got no layer that ends in {ending!r} in {type(model).__name__}, wanted at least one: "
                "check the site table of this model family"
            )
        reads |= dict.fromkeys(matching, read)
    sites = []
    for name in names:
        if name in reads:
            layer = layer_at(model, name)
            sites.append(Site(name, layer.in_features, layer.out_features, reads[name]))
    return tuple(sites)


def layer_at(model: nn.Module, name: str) -> nn.Linear:
    """The Linear of this name, below any LoRA that is loaded on it.

    Raises:
        UnhypeError: no such layer, something other than a Linear, or weights that were packed into fewer bits.
    """
    try:
        layer = unwrapped(model).get_submodule(name)
    except AttributeError as error:
        raise UnhypeError(
            f"got no layer {name!r} in {type(model).__name__}, wanted the base that this was made for"
        ) from error
    layer = getattr(layer, "base_layer", layer)
    if not isinstance(layer, nn.Linear):
        raise UnhypeError(f"got a {type(layer).__name__} at {name!r}, wanted a Linear: only those can be adapted")
    weight = layer.weight
    if type(layer) is not nn.Linear or not weight.is_floating_point() or type(weight.data) is not torch.Tensor:
        kind = type(layer).__name__ if type(layer) is not nn.Linear else type(weight.data).__name__
        raise UnhypeError(
            f"got a quantised layer at {name!r} ({kind}, {weight.dtype}), wanted a plain Linear in float32, bf16, fp16 "
            "or fp8: load the denoiser unquantised, or store it as fp8 with enable_layerwise_casting"
        )
    return layer


def unwrapped(model: nn.Module) -> nn.Module:
    """The model itself, where ``torch.compile`` has wrapped it."""
    inner: nn.Module = getattr(model, "_orig_mod", model)
    return inner


def is_compiled(model: nn.Module) -> bool:
    """Whether ``torch.compile`` has wrapped a model, or one of its layers, in any of the ways it knows."""
    return model is not unwrapped(model) or any(
        module._compiled_call_impl is not None or hasattr(vars(module).get("forward"), "_torchdynamo_orig_callable")
        for module in model.modules()
    )
