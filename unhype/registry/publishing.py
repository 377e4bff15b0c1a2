"""The end of a training flow: its run in MLflow and its guard in the registry, each with where it comes from."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from unhype.errors import UnhypeError
from unhype.files import describe
from unhype.registry.deciding import decide
from unhype.registry.gating import Decision
from unhype.registry.models import register
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import open_store, project

UNJUDGED = "unjudged"
"""What the tag ``judge`` says of a guard whose pictures nobody could read."""


def publish_guard(
    root: Path,
    name: str,
    guard: Path,
    scores: Mapping[str, Any],
    curve: Sequence[Mapping[str, float]],
    report: Path,
    metaflow_run: str,
    description: str = "",
    decision: Decision | None = None,
) -> str:
    """Log the run and register the guard; the same guard is registered once, whatever run brings it.

    It becomes ``challenger`` if its gates let it pass; without a decision it gets no alias.

    Args:
        root: folder of the store.
        name: of the registered model.
        guard: guard folder, with ``scores.json`` and ``gallery.png``.
        scores: every number within becomes a metric; how pictures were drawn is a parameter.
        curve: of each training step, ``step`` and what was measured.
        report: of the validation of the concept set.
        description: Markdown for the version and the run.
        decision: of the gates.

    Returns:
        The URI of the version, ``models:/name/3``.

    Raises:
        UnhypeError: see :func:`unhype.registry.store.open_store` and :func:`unhype.registry.models.register`.
    """
    card = _card(guard)
    tags = {
        "git_commit": git_commit(project()),
        "concept_set": str(card["concepts"]),
        "concept_set_hash": str(card["concepts_hash"]),
        "data_revision": data_revision(project()),
        "judge": str(scores.get("judge") or UNJUDGED),
        "metaflow_run": metaflow_run,
        "base": str(card["base"]),
        "base_hash": str(card["base_hash"]),
        "code": str(card["code"]),
    }
    record = RunRecord(
        name=f"{card['concepts']} {metaflow_run}",
        metaflow_run=metaflow_run,
        params={
            "base": card["base"],
            "concepts": card["concepts"],
            "training": card.get("training", {}),
            "sampling": card.get("sampling", {}),
        },
        history={int(point["step"]): {key: value for key, value in point.items() if key != "step"} for point in curve},
        final=dict(numbers({key: value for key, value in scores.items() if key != "sampling"})),
        pictures=_gallery(guard, int(max((point["step"] for point in curve), default=0))),
        files=[
            report,
            *(
                path
                for path in (guard / name for name in ("guard.json", "scores.json", "gallery.png"))
                if path.exists()
            ),
        ],
        tags=tags,
        note=description,
    )
    store = open_store(root)
    version = register(store, guard, name, tags, description, log_run(store, record), record.final)
    return (decide(store, version, decision) if decision else version).uri


def git_commit(folder: Path) -> str:
    """The commit of a checkout, or that there is no git.

    It ends in ``-dirty`` where tracked files differ from it, other than the scores, which the flow itself writes.
    """
    try:
        commit, changed = (
            subprocess.run(
                ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, timeout=60
            ).stdout.strip()
            for words in (
                ("rev-parse", "HEAD"),
                ("status", "--porcelain", "--untracked-files=no", "--", ".", ":!data/scores"),
            )
        )
    except (OSError, subprocess.SubprocessError):
        return "no git"
    return f"{commit}-dirty" if changed else commit


def data_revision(folder: Path) -> str:
    """A hash of ``dvc.lock``, which holds the hash of all data; says so where there is none."""
    lock = folder / "dvc.lock"
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.exists() else "no dvc.lock"


def _card(guard: Path) -> dict[str, Any]:
    path = guard / "guard.json"
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnhypeError(describe(error, path)) from error
    except ValueError as error:
        raise UnhypeError(f"got a damaged {path} ({error}): copy the folder again or train anew") from error
    if missing := [key for key in ("base", "base_hash", "concepts", "concepts_hash", "code") if not card.get(key)]:
        raise UnhypeError(f"got no {', '.join(missing)} in {path}, wanted the card of a trained guard: train anew")
    return card


def _gallery(guard: Path, step: int) -> dict[int, Any]:
    from PIL import Image

    path = guard / "gallery.png"
    if not path.exists():
        return {}
    with Image.open(path) as picture:
        return {step: picture.convert("RGB")}


def numbers(scores: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every number within, named by its path: ``roles/forget/shown``."""
    for key, value in scores.items():
        if isinstance(value, Mapping):
            yield from numbers(value, f"{prefix}{key}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{key}", float(value)
