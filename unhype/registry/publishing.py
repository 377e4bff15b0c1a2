"""The end of a training flow: its run in MLflow and its guard in the registry, each with where it comes from."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from unhype.errors import UnhypeError
from unhype.files import describe
from unhype.registry.deciding import decide
from unhype.registry.gating import GATE, Decision
from unhype.registry.models import register
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import open_store, project

UNJUDGED = "unjudged"
"""What the tag ``judge`` says of a guard whose pictures nobody could read."""

MATTERS = (
    "unhype",
    "flows",
    "params.yaml",
    "constraints.txt",
    "data/bases",
    "data/concepts",
    "data/judges",
    ":!*.md",
    ":!data/bases/*/figures.json",
)
"""What git must hold as it is for a commit to say what made a version. Other files are written by stages and chores."""

EXPERIMENT = "dvc_experiment"

VARIABLES = {"dvc_stage": "DVC_STAGE", EXPERIMENT: "DVC_EXP_NAME"}
"""Tag → the variable by which DVC tells what runs: a stage, in ``dvc repro``; in ``dvc exp run`` an experiment, too."""


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
    *,
    made: Mapping[str, str],
) -> str:
    """Log the run and register the guard; the same guard is registered once, whatever run brings it.

    It becomes ``challenger`` if its gates let it pass; without a decision it gets no alias. An experiment (``dvc exp
    run``) touches no alias, nor the verdict on a version that was there before.

    Args:
        root: folder of the store.
        name: of the registered model.
        guard: guard folder, with ``scores.json`` and ``gallery.png``.
        scores: every number within becomes a metric; how pictures were drawn is a parameter.
        curve: of each training step, ``step`` and what was measured.
        report: of the validation of the concept set.
        description: Markdown for the version and the run.
        decision: of the gates.
        made: tags that say which data and settings it was made from (:mod:`unhype.pipeline.provenance`).

    Returns:
        The URI of the version, ``models:/name/3``.

    Raises:
        UnhypeError: see :func:`unhype.registry.store.open_store` and :func:`unhype.registry.models.register`.
    """
    card = _card(guard)
    tags = {
        **made,
        "git_commit": git_commit(project()),
        "concept_set": str(card["concepts"]),
        "concept_set_hash": str(card["concepts_hash"]),
        "judge": str(scores.get("judge") or UNJUDGED),
        "metaflow_run": metaflow_run,
        "base": str(card["base"]),
        "base_hash": str(card["base_hash"]),
        "code": str(card["code"]),
        **{name: os.environ[variable] for name, variable in VARIABLES.items() if os.environ.get(variable)},
    }
    description = f"{description}\n\n{_made_of(tags)}".strip()
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
    experiment = EXPERIMENT in tags
    if decision and not (experiment and GATE in version.tags):
        decide(store, version, decision, alias=not experiment)
    return version.uri


def _made_of(tags: Mapping[str, str]) -> str:
    """All tags as a table: MLflow's page shows four at a time."""
    rows = [f"| {name} | `{value}` |" for name, value in sorted(tags.items())]
    return "\n".join(["## Made of", "", "| what | which |", "| --- | --- |", *rows])


def git_commit(folder: Path) -> str:
    """The commit of a checkout, or that there is no git.

    It ends in ``-dirty`` where something of :data:`MATTERS` differs from it, or is new and no commit has it.
    """
    try:
        commit, changed = (
            subprocess.run(
                ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, timeout=60
            ).stdout.strip()
            for words in (
                ("rev-parse", "HEAD"),
                ("status", "--porcelain", "--", *MATTERS),
            )
        )
    except (OSError, subprocess.SubprocessError):
        return "no git"
    return f"{commit}-dirty" if changed else commit


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
