"""Which base is this? Told by its weights alone, whatever file they came from and whatever precision they are kept in.

A few numbers of every tensor are kept as a *sketch*: evenly spaced entries, read where they lie, so that 24 GB cost
milliseconds. Two sketches agree if they differ by no more than rounding: a base in bf16 is the base in float32, and a
hub id, a folder and a single file are the same. A fine-tuned relative differs in nearly every tensor that was tuned.
What a sketch does not see: an edit of a few numbers of a tensor, and a tuning so light that no tensor has moved by more
than rounding does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from unhype.errors import UnhypeError

ENTRIES = 16
"""Numbers that are kept of each tensor."""

ROUNDING = 0.005
"""Relative distance (root mean square) up to which two tensors are the same but for rounding: bf16 has 0.002."""

EQUAL = 1e-6
"""The same where both are brought to one precision."""

ROUNDING_FP8 = 0.1
"""The same for weights that are kept in eight bits."""

FUSED = (".to_qkv.", ".to_kv.", ".to_added_qkv.")
"""Pieces of the names of layers that diffusers makes of several."""

ADDED = (".lora_", ".modules_to_save.", ".processor.", "encoder_hid_proj.")
"""Pieces of the names of weights that somebody has added to a base: LoRAs, IP-Adapters."""


@dataclass(frozen=True)
class Identity:
    """A sketch of weights.

    Attributes:
        entries: tensor's name → its sampled numbers, float32 ``[ENTRIES]`` or fewer.
        sizes: tensor's name → how many numbers the whole tensor has.
    """

    entries: Mapping[str, torch.Tensor]
    sizes: Mapping[str, int]

    @property
    def label(self) -> str:
        """Sixty-four letters for tags and tables: a hash of names, sizes and the *signs* of the entries.

        Rounding turns no sign, so that all precisions share a label (but for numbers so small that fp16 makes them 0).
        It names a base; whether two bases are the same is the question of :func:`compare`.
        """
        digest = hashlib.sha256()
        for name in sorted(self.entries):
            digest.update(f"{name} {self.sizes[name]} {(self.entries[name] > 0).tolist()}\n".encode())
        return digest.hexdigest()

    @property
    def precision(self) -> torch.dtype:
        """In which the weights were kept: the coarsest that holds every entry as it is."""
        entries = torch.cat([entry.flatten() for entry in self.entries.values()])
        for dtype in (torch.bfloat16, torch.float16):
            if torch.equal(entries.to(dtype).float(), entries):
                return dtype
        return torch.float32

    def tensors(self) -> dict[str, torch.Tensor]:
        """For a safetensors file: all entries in a row, and the sizes; the names are :attr:`names`."""
        names = self.names
        return {
            "entries": torch.cat([self.entries[name] for name in names]),
            "sizes": torch.tensor([self.sizes[name] for name in names]),
        }

    @property
    def names(self) -> list[str]:
        """Of the tensors, in the order of :meth:`tensors`."""
        return sorted(self.entries)

    @classmethod
    def of_tensors(cls, names: list[str], tensors: Mapping[str, torch.Tensor]) -> Identity:
        """What :meth:`tensors` gave.

        Raises:
            ValueError: they do not fit the names.
        """
        sizes = [int(size) for size in tensors["sizes"]]
        if len(sizes) != len(names):
            raise ValueError(f"{len(names)} names for {len(sizes)} tensors")
        parts = tensors["entries"].split([min(size, ENTRIES) for size in sizes])
        return cls(dict(zip(names, parts, strict=True)), dict(zip(names, sizes, strict=True)))


@dataclass(frozen=True)
class Difference:
    """How far the weights at hand are from those that were asked for.

    Attributes:
        tensors, differing: how many were compared, and how many differ by more than rounding.
        mean: relative distance of those that differ, on average; 0.02 is two per cent.
        worst: the tensor that differs most.
    """

    tensors: int
    differing: int
    mean: float
    worst: str

    def __bool__(self) -> bool:
        return self.differing > 0

    def __str__(self) -> str:
        count = f"{self.differing} of {self.tensors} tensors differ"
        return f"{count}, by {self.mean:.1%} on average, most of all {self.worst}"


def identify(parts: Mapping[str, nn.Module]) -> Identity:
    """The sketch of a base.

    Args:
        parts: name → module; LoRAs that are loaded into them do not count, compiled ones are looked through.

    Raises:
        UnhypeError: weights that are not in memory.
    """
    entries: dict[str, torch.Tensor] = {}
    sizes: dict[str, int] = {}
    for part, module in parts.items():
        for name, tensor in plain_parameters(module).items():
            key = f"{part}.{name}"
            sizes[key] = tensor.numel()
            entries[key] = _sampled(tensor, sizes[key])
    return Identity(entries, sizes)


def compare(wanted: Identity, parts: Mapping[str, nn.Module]) -> Difference:
    """How far modules are from a base; each tensor at the precision in which it is kept here.

    Raises:
        UnhypeError: another architecture, so that nothing can be compared.
    """
    here = {
        f"{part}.{name}": tensor for part, module in parts.items() for name, tensor in plain_parameters(module).items()
    }
    odd = sorted(set(here) ^ set(wanted.entries))
    odd += [name for name in wanted.entries if name in here and here[name].numel() < wanted.sizes[name]]
    if fused := [name for name in odd if any(piece in name for piece in FUSED)]:
        raise UnhypeError(
            f"got a pipeline with fused projections ({fused[0]}), wanted its layers by themselves: "
            "call unfuse_qkv_projections() first"
        )
    if odd:
        raise UnhypeError(
            f"got a pipeline that differs at {odd[0]} ({len(odd)} tensors), wanted the architecture of the base that "
            "this guard was trained for: train a guard for this base"
        )
    kept = wanted.precision
    merged = {part for part, module in parts.items() if any(getattr(m, "merged", False) for m in module.modules())}
    far: dict[str, float] = {}
    for name, tensor in here.items():
        # Both at the coarser of the two precisions: then the same weights are equal, but where one was rounded twice.
        reference = wanted.entries[name].to(tensor.dtype).float()
        found = _sampled(tensor, wanted.sizes[name]).to(kept).to(tensor.dtype).float()
        twice = {kept, tensor.dtype} == {torch.bfloat16, torch.float16} or name.split(".")[0] in merged
        allowed = ROUNDING_FP8 if tensor.element_size() == 1 else ROUNDING if twice else EQUAL
        size = float(reference.square().mean().sqrt())
        distance = float((found - reference).square().mean().sqrt()) / (size or 1.0)
        if not distance <= allowed:  # nor if it is no number
            far[name] = distance
    worst = max(far, key=lambda name: far[name], default="")
    return Difference(len(here), len(far), sum(far.values()) / max(1, len(far)), worst)


def plain_parameters(module: nn.Module) -> dict[str, torch.Tensor]:
    """A module's own weights, by the names that they have when nothing is wrapped around them.

    What was added is left out (a LoRA's weights, an IP-Adapter's), and what a LoRA has merged into a layer is taken out
    again.
    """
    module = getattr(module, "_orig_mod", module)
    found = {}
    for name, tensor in module.named_parameters():
        if any(piece in name for piece in ADDED):
            continue
        if ".base_layer" in name:
            layer: Any = module.get_submodule(name[: name.index(".base_layer")])
            if name.endswith("weight") and getattr(layer, "merged", False):
                merged = sum(layer.get_delta_weight(adapter) for adapter in layer.merged_adapters)
                tensor = tensor.detach() - merged
            name = name.replace(".base_layer", "")
        found[name] = tensor
    return found


@torch.no_grad()
def _sampled(tensor: torch.Tensor, size: int) -> torch.Tensor:
    """Evenly spaced entries of the first ``size`` of a tensor, float32 on the CPU; a vocabulary may have grown."""
    if tensor.is_meta:
        raise UnhypeError(
            "got a base that is not in memory, wanted weights that can be read: attach the guard before offloading "
            "layer by layer"
        )
    places = torch.linspace(0, size - 1, min(size, ENTRIES), dtype=torch.float64).round().long()
    where = torch.unravel_index(places.to(tensor.device), tensor.shape or (1,))
    return tensor.detach().reshape(tensor.shape or (1,))[where].float().cpu()
