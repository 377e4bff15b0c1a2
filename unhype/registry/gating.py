"""What the registry knows of gates: the verdict on a version as tags with a seal, and who may be loaded.

MLflow lets anybody give any version any alias. So whoever loads a guard looks: a version whose tags hold no seal of a
passed verdict, or whose files are not those that were judged, is refused unless somebody says otherwise.

    gate            passed or rejected                        gate_reasons    why it was rejected, a line each
    gate_evidence   SHA-256 of gates.json                     gate_champion   what it was compared with
    gate_seal       SHA-256 of verdict, guard and evidence: no tag alone makes a version pass
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from unhype.errors import UnhypeError
from unhype.files import sha256

GATE, PASSED, REJECTED = "gate", "passed", "rejected"

VERDICT = "verdict.json"
"""Lies beside the guard in a registered model, for those who serve it far from the registry."""


@dataclass(frozen=True)
class Decision:
    """What gates have decided, ready to be written down.

    Attributes:
        guard: hash of the guard that was judged, see :func:`guard_hash`.
        evidence: SHA-256 of ``gates.json``.
        champion: URI of the version it was compared with; empty for none.
        table: Markdown for the version's page.
        files: ``gates.json``, tables and pictures.
        tags: others that the version gets.
    """

    passed: bool
    guard: str
    evidence: str
    reasons: tuple[str, ...] = ()
    champion: str = ""
    table: str = ""
    files: tuple[Path, ...] = ()
    tags: Mapping[str, str] | None = None

    def told(self) -> dict[str, str]:
        """As tags."""
        status = PASSED if self.passed else REJECTED
        return {
            **(self.tags or {}),
            GATE: status,
            "gate_evidence": self.evidence,
            "gate_champion": self.champion or "none",
            "gate_reasons": "\n".join(self.reasons) or "none",
            "gate_seal": seal(status, self.guard, self.evidence),
        }


def guard_hash(folder: Path) -> str:
    """A hash of what makes a guard: its tensors and its card. Scores and pictures of it may lie beside them."""
    return hashlib.sha256(
        "".join(f"{name} {sha256(folder / name)}\n" for name in ("guard.json", "guard.safetensors")).encode()
    ).hexdigest()


def seal(status: str, guard: str, evidence: str) -> str:
    """Binds a verdict to a guard and to what speaks for it."""
    return hashlib.sha256(json.dumps([status, guard, evidence]).encode()).hexdigest()


def objection(tags: Mapping[str, str]) -> str:
    """Why a version with these tags may not be loaded; empty if it passed."""
    status = tags.get(GATE, "")
    if status == REJECTED:
        first, *others = tags.get("gate_reasons", "").splitlines() or ["no reason is given"]
        return f"rejected by its gates: {first}{f', and {len(others)} more' if others else ''}"
    if status != PASSED:
        return "not judged by any gates"
    if tags.get("gate_seal") != seal(PASSED, tags.get("guard_hash", ""), tags.get("gate_evidence", "")):
        return "called passed without the seal of a verdict on this guard"
    return ""


def check(which: str, uri: str, tags: Mapping[str, str], folder: Path) -> None:
    """Refuse a version that did not pass, or whose files are not those that did.

    Args:
        which: for the error message, such as ``version 3 of unhype-celeb100``.

    Raises:
        UnhypeError: with what can be done.
    """
    why = objection(tags)
    if not why and guard_hash(folder) != tags["guard_hash"]:
        why = f"judged with other files than those in {folder}"
    if why:
        judge = f"judge it (python flows/promote_flow.py run --model {uri})"
        raise UnhypeError(
            f"got {which}, {why}; wanted a version that passed its gates: choose another, {judge}, "
            "or say --ungated (ungated=True) to use it all the same"
        )


def check_served(folder: Path) -> None:
    """The same where only the files are at hand: by the verdict that lies beside the guard.

    Raises:
        UnhypeError: no verdict there, or none that lets it pass.
    """
    path = folder / VERDICT
    try:
        tags = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError:
        tags = {}
    check(f"the guard in {folder.name}", "models:/NAME/NUMBER", tags if isinstance(tags, dict) else {}, folder)
