"""How much memory is free where a base should go: asked before its weights are read.

A process that takes more than there is, is ended by the system without a word; a GPU says so after minutes.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from unhype.errors import UnhypeError

SYSTEM = Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")
"""Limits of a container (cgroup v2); those of others are not read."""


def free(device: str) -> int | None:
    """Bytes that a device can still take; None where the system does not tell.

    Raises:
        UnhypeError: a device that torch does not see.
    """
    import torch

    if device == "cpu":
        told = [bytes_ for bytes_ in (_of_the_system(), _of_the_container()) if bytes_ is not None]
        return min(told, default=None)
    if device.startswith("cuda"):
        if not torch.cuda.is_available():
            raise UnhypeError("got device cuda, wanted one that torch sees here: params.yaml, base: {device: cpu}")
        # What torch holds back and nobody uses can be used again.
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + held
    if not torch.backends.mps.is_available():
        raise UnhypeError(f"got device {device}, wanted what torch sees here: params.yaml, base: {{device: cpu}}")
    return None


def _of_the_system() -> int | None:
    """What programs can have without swapping; where only the whole memory is known, that."""
    try:
        if found := re.search(r"^MemAvailable:\s+(\d+) kB", SYSTEM.read_text(encoding="ascii"), re.MULTILINE):
            return 1024 * int(found[1])
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def _of_the_container() -> int | None:
    """What is left below its limit; files that are kept in memory count as free."""
    try:
        limit = int((GROUP / "memory.max").read_text(encoding="ascii"))
        used = int((GROUP / "memory.current").read_text(encoding="ascii"))
        files = re.search(r"^inactive_file (\d+)", (GROUP / "memory.stat").read_text(encoding="ascii"), re.MULTILINE)
    except (OSError, ValueError):  # no limit: "max"
        return None
    return max(0, limit - used + (int(files[1]) if files else 0))
