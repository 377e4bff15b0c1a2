"""What a guard's model is called where nobody says otherwise: ``unhype-<set>``, with the base's name but on mini-sd.

Guards of one list on two bases never replace each other: each has a model, and a champion, of its own.
"""

from __future__ import annotations

import re
from pathlib import Path

from unhype.bases.aliases import ALIASES
from unhype.miniature.folders import BASE


def model_name(concepts: str, base: str) -> str:
    """The name of the registered model.

    Args:
        concepts: the set's name.
        base: as somebody asked for it: a name, an alias or the hub id that it stands for, a folder, a file.
    """
    called = {hub: alias for alias, hub in ALIASES.items()}.get(base, base)
    own = re.sub(r"[^\w-]+", "-", Path(called.removesuffix(".safetensors")).name).strip("-") or "base"
    return f"unhype-{concepts}" if own == BASE.name else f"unhype-{concepts}-{own}"
