"""Tensors in safetensors with a card that says what they are, and a hash that says that they are these."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unhype.errors import UnhypeError
from unhype.files import describe, write_tensors

if TYPE_CHECKING:
    import torch


def write_carded(path: Path, tensors: Mapping[str, torch.Tensor], card: Mapping[str, Any]) -> str:
    """Write tensors with a card that says what they are, and a hash that says that they are these; returns the hash."""
    found = tensors_hash(tensors)
    # One entry: safetensors writes several in an order of chance, and files with the same content are to be the same.
    write_tensors(path, tensors, {"card": json.dumps({**card, "hash": found}, sort_keys=True)})
    return found


def read_carded(path: Path, what: str, plain: bool = False) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and card of a safetensors file; the card tells the ``hash`` of the tensors too.

    Args:
        what: it should be, such as ``a zoo``, as its card says under ``what``.
        plain: take a file without a card.

    Raises:
        UnhypeError: no such file, a damaged one, or one of something else.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise UnhypeError(f"got a damaged {path} ({error}), wanted {what} in safetensors: make it anew") from error
    except OSError as error:
        raise UnhypeError(describe(error, path)) from error
    if plain and "card" not in about:
        return tensors, {"hash": tensors_hash(tensors)}
    card = _card(about.get("card", "{}"))
    if card.get("what") != what:
        raise UnhypeError(f"got {card.get('what', 'something else')} in {path}, wanted {what}: check the path")
    if tensors_hash(tensors) != card.get("hash"):
        raise UnhypeError(f"got other numbers in {path} than its hash says, wanted {what} as written: make it anew")
    return tensors, card


def _card(told: str) -> dict[str, Any]:
    """The card as it was written; empty where another program wrote something of its own under that name."""
    try:
        card = json.loads(told)
    except ValueError:
        return {}
    return card if isinstance(card, dict) else {}


def tensors_hash(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of names, shapes and numbers."""
    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        total.update(tensor.detach().contiguous().numpy().tobytes())
    return total.hexdigest()
