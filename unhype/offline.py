"""Libraries stay off the network unless something at the hub is named. Light: it comes before they are imported."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from unhype.bases.finding import wants_hub
from unhype.errors import UnhypeError
from unhype.handwritten import load_yaml


def stay_offline(base: str | None, settings: Path | None = None) -> None:
    """Decide for this process and those that it starts; what the user has set stays.

    Args:
        settings: a params.yaml, whose judges may name a CLIP at the hub.
    """
    named = [base or "", *(clips_in(settings) if settings else [])]
    os.environ.setdefault("HF_HUB_OFFLINE", "0" if any(name and wants_hub(name) for name in named) else "1")


def clips_in(settings: Path) -> list[str]:
    """The CLIPs that a params.yaml names, for all bases or for a family; none where it can't be read.

    What is wrong with the file is told by who reads it for its settings.
    """
    try:
        content = load_yaml(settings) if settings.exists() else {}
    except UnhypeError:
        return []
    families = content.get("families") if isinstance(content, dict) else None
    blocks = [content, *(families.values() if isinstance(families, dict) else [])]
    judges = [block.get("judges") for block in blocks if isinstance(block, dict)]
    return [block["clip"] for block in judges if isinstance(block, dict) and isinstance(block.get("clip"), str)]


def option(arguments: Sequence[str], name: str) -> str | None:
    """The value of ``--name VALUE`` or ``--name=VALUE`` in a command line; None if it is not there."""
    for i, argument in enumerate(arguments):
        if argument == name and i + 1 < len(arguments):
            return arguments[i + 1]
        if argument.startswith(f"{name}="):
            return argument.split("=", 1)[1]
    return None
