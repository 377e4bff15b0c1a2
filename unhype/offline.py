"""Libraries stay off the network unless somebody names a base at the hub. Light: it comes before they are imported."""

from __future__ import annotations

import os
from collections.abc import Sequence

from unhype.bases.finding import wants_hub


def stay_offline(base: str | None) -> None:
    """Decide for this process and those that it starts; what the user has set stays."""
    os.environ.setdefault("HF_HUB_OFFLINE", "0" if base and wants_hub(base) else "1")


def option(arguments: Sequence[str], name: str) -> str | None:
    """The value of ``--name VALUE`` or ``--name=VALUE`` in a command line; None if it is not there."""
    for i, argument in enumerate(arguments):
        if argument == name and i + 1 < len(arguments):
            return arguments[i + 1]
        if argument.startswith(f"{name}="):
            return argument.split("=", 1)[1]
    return None
