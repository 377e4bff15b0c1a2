"""Tensors in safetensors, with a card that says what they are and a hash that says that they are these."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from unhype.errors import UnhypeError
from unhype.files import describe, write_tensors


def digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of names, shapes and numbers."""
    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        total.update(tensor.detach().contiguous().numpy().tobytes())
    return total.hexdigest()


def save(path: Path, tensors: Mapping[str, torch.Tensor], card: Mapping[str, Any]) -> str:
    """Write a file, whole or not at all; returns the hash."""
    found = digest(tensors)
    write_tensors(path, tensors, {"card": json.dumps(card, sort_keys=True), "hash": found})
    return found


def load(path: Path, what: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and card of a file; the card also tells the ``hash``.

    Args:
        what: it should be, for the error message, such as ``a zoo``; the card's ``what``.

    Raises:
        UnhypeError: no such file, a damaged one, or one of something else.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118: no mapping
    except SafetensorError as error:
        raise UnhypeError(f"got a damaged {path} ({error}), wanted {what} in safetensors: make it anew") from error
    except OSError as error:
        raise UnhypeError(describe(error, path)) from error
    card: dict[str, Any] = json.loads(about.get("card", "{}"))
    if card.get("what") != what:
        raise UnhypeError(f"got {card.get('what', 'something else')} in {path}, wanted {what}: check the path")
    if digest(tensors) != about.get("hash"):
        raise UnhypeError(f"got other numbers in {path} than its hash says, wanted {what} as it was written: make it anew")
    return tensors, card | {"hash": about["hash"]}
