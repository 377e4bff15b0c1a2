"""Which attacks were tried on a guard: reports of ``unhype attack`` that are about its very tensors, wherever they lie.

<guard>/attacks/*.json                  written there where the guard is a folder
<build>/guards/*/attacks/*.json         the same of a registered version that was attacked before it was registered
<build>/attacks/<hash>/*.json           of a guard from the registry, whose own folder belongs to the registry
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unhype.errors import UnhypeError
from unhype.reports.attacked import attack_line, over_groups

BESIDE = "attacks"

IMG2IMG = "img2img"
"""Told and not judged: a guard reads words, and no gate asks of it what it says that it does not do."""


def elsewhere(build: Path, sha: str) -> Path:
    """Where reports of a guard go that has no folder of its own; ``sha`` is of its tensors."""
    return build / BESIDE / sha[:12]


def tried(guard: Path, sha: str, build: Path | None = None) -> dict[str, dict[str, Any]]:
    """Attack → its report, of those that are about this guard, as it is: with its monitor, and learned tokens refused.

    Args:
        guard: its folder.
        sha: of its tensors, as its card has it.
        build: folder of everything that can be made again, to look there, too.

    Raises:
        UnhypeError: a damaged file where a report should be.
    """
    paths = sorted((guard / BESIDE).glob("*.json"))
    if build:
        paths += [*sorted(build.glob(f"guards/*/{BESIDE}/*.json")), *sorted(elsewhere(build, sha).glob("*.json"))]
    found: dict[str, dict[str, Any]] = {}
    for path in paths:
        told = _read(path)
        own = told.get("guard") == sha and told.get("eraser") == "unhype"
        opened = told.get("unmonitored") or told.get("inversions")
        if own and not opened and path.stem not in found:
            found[path.stem] = told
    return found


def measured(told: Mapping[str, Any]) -> dict[str, Any]:
    """A report as gates look at it: ``n`` pictures, and ``must_go``, the share that shows the forgotten."""
    if "groups" in told:
        n, share = over_groups(told["groups"], "guarded")
        return {"n": n, "must_go": share}
    return {"n": int(told["n"]) * int(told.get("pictures", 1)), "must_go": float(told["must_go"])}


def lines(found: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """What was attacked and how, a line each."""
    return tuple(attack_line(name, told) for name, told in found.items())


def _read(path: Path) -> dict[str, Any]:
    """A report; nothing of JSON that is none.

    Raises:
        UnhypeError: a damaged file: whoever tried something should not be told that nothing was tried.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnhypeError(
            f"got a damaged {path}, wanted a report of unhype attack: run it again or delete it"
        ) from error
    whole = isinstance(told, dict) and ("groups" in told or {"n", "must_go"} <= set(told))
    return told if whole else {}
