"""The erasure report of a registered version: gathered from the registry, written as one page, kept with its run."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from unhype.errors import UnhypeError
from unhype.files import sha256, write_text
from unhype.gates.attacked import lines, tried
from unhype.registry.deciding import evidence_folder
from unhype.registry.gating import GATE, PASSED
from unhype.registry.lineage import lineage
from unhype.registry.models import Version
from unhype.registry.resolving import resolve
from unhype.registry.store import Store
from unhype.registry.trouble import mlflow_errors
from unhype.reports.erasure import Erasure, erasure_html
from unhype.reports.gates import difference_rows, gate_rows, regression_rows
from unhype.reports.tables import Rows, protocol_rows, role_rows, turn_rows

REPORT = "erasure.html"

PICTURES = {
    "gallery.png": "In pairs: the base above, guarded below, same prompt and seed",
    "gates.png": "Every figure against its threshold, and beside the champion",
    "regressions.png": "Worse than the champion: base, champion and this version below each other",
}


def write_report(store: Store, version: Version, path: Path) -> Erasure:
    """Write the page of a version; returns what it says.

    Raises:
        UnhypeError: the version's files are gone, or trouble with the store.
    """
    about = _gathered(store, version)
    write_text(path, erasure_html(about))
    return about


def log_report(store: Store, version: Version) -> None:
    """Write the page of a version, keep it among the artifacts of its run, and link to it from the version's page."""
    if not version.run_id:
        raise UnhypeError(f"got {version.uri} without a run, wanted one to keep the report with: unhype models report")
    with tempfile.TemporaryDirectory() as scratch, mlflow_errors(store.place):
        path = Path(scratch) / REPORT
        write_report(store, version, path)
        folder = evidence_folder(version)
        store.client.log_artifact(version.run_id, str(path), folder)
        asked = urlencode({"path": f"{folder}/{REPORT}", "run_uuid": version.run_id})
        link = f"\n\n[Erasure report](get-artifact?{asked})"
        page = store.client.get_model_version(version.name, str(version.number)).description or ""
        if link not in page:
            store.client.update_model_version(version.name, str(version.number), page + link)


def _gathered(store: Store, version: Version) -> Erasure:
    guard = resolve(store, version.uri)
    card = json.loads((guard / "guard.json").read_text(encoding="utf-8"))
    scores = json.loads((guard / "scores.json").read_text(encoding="utf-8")) if (guard / "scores.json").exists() else {}
    files = sorted(path for path in guard.iterdir() if path.is_file())
    with tempfile.TemporaryDirectory() as scratch:
        found = {path.name: path for path in (*files, *_evidence(store, version, Path(scratch)))}
        evidence = json.loads(found["gates.json"].read_text(encoding="utf-8")) if "gates.json" in found else {}
        pictures = {words: found[name].read_bytes() for name, words in PICTURES.items() if name in found}
        checksums = {name: sha256(path) for name, path in sorted(found.items()) if name != REPORT}
    attacks = evidence.get("attacks") or lines(tried(guard, card.get("sha256", "")))
    excluded = f"Left out of these figures: {scores['excluded']}." if scores.get("excluded") else ""
    judge = f"Judged by {scores['judge']}." if scores.get("judge") else "Nobody judged what its pictures show."
    return Erasure(
        version.uri,
        card.get("forget", []),
        {name: table for name, table in _tables(scores, evidence).items() if table[1]},
        pictures,
        version.tags[GATE] == PASSED if GATE in version.tags else None,
        evidence.get("reasons", ()),
        attacks,
        [line for line in (judge, excluded) if line],
        lineage(store, version),
        checksums,
    )


def _evidence(store: Store, version: Version, scratch: Path) -> list[Path]:
    """The files of the last decision."""
    if not version.run_id:
        return []
    with mlflow_errors(store.place):
        there = [file.path for file in store.client.list_artifacts(version.run_id, evidence_folder(version))]
        return [Path(store.client.download_artifacts(version.run_id, path, str(scratch))) for path in there]


def _tables(scores: dict[str, Any], evidence: dict[str, Any]) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    if evidence:
        found["Gates"] = gate_rows(evidence)
        found[f"Beside the champion {evidence['champion']}"] = difference_rows(evidence)
        found["Worse than the champion, by concept"] = regression_rows(evidence)
    if {"protocols", "roles", "strength"} <= set(scores):
        found["Scores (base)"] = protocol_rows(scores)
        found["By role (base)"] = role_rows(scores)
        found["Class by class"] = turn_rows(scores)
    return found
