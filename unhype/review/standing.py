"""How a guard stands after a rerun: its verdict beside the champion, its version, what was drawn for it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from unhype.erasing.material import pictures_needed
from unhype.errors import UnhypeError
from unhype.files import write_whole
from unhype.gates.reporting import write_report
from unhype.gates.settings import GateSettings
from unhype.pipeline import job as jobs
from unhype.pipeline.job import Job
from unhype.pipeline.promoting import Promotion
from unhype.progress import with_progress
from unhype.registry.champions import champion_of
from unhype.registry.models import Version, known, versions
from unhype.registry.naming import model_name
from unhype.registry.resolving import resolve
from unhype.registry.store import Store
from unhype.review.drawn import Drawn, count, listed
from unhype.review.picture import strip

THIS, CHAMPION = "this version", "the champion"


@dataclass(frozen=True)
class Standing:
    """One guard of one list.

    Attributes:
        version: in the registry; None where it is not registered.
        evidence: what ``gates.json`` holds.
        scores: what ``scores.json`` holds, of it and of the champion, where there is one.
        drawn: see :mod:`unhype.review.drawn`.
        alone: why there is no champion to compare with; empty where there is one.
        notes: what a reader should know, a line each.
        picture: of the same prompts by base, guard and champion.
        report: the erasure report.
    """

    base: str
    model: str
    version: Version | None
    evidence: Mapping[str, Any]
    scores: Mapping[str, Any]
    champion_scores: Mapping[str, Any]
    drawn: list[Drawn]
    alone: str = ""
    notes: tuple[str, ...] = ()
    picture: Path | None = None
    report: Path | None = None


def stand(
    job: Job, store: Store, gates: GateSettings, before: pd.DataFrame, concerned: Collection[str], out: Path
) -> Standing:
    """How the guard of a job stands, whose stages are up to date.

    Args:
        before: see :func:`unhype.review.drawn.listed`, of the time before they were.
        concerned: concepts that came or changed, to be shown first.
        out: folder for picture and report.

    Raises:
        UnhypeError: the guard or its files are not where the job leaves them.
    """
    model = model_name(job.concepts.name, job.base_name)
    champion = champion_of(store, model)
    evidence, notes = _evidence(job, store, model, champion, gates)
    version, alone = _registered(store, model, evidence["guard"]), ""
    if champion is None:
        there = len(versions(store, model)) if known(store, model) else 0
        others = there - (version is not None)
        alone = f"{store.place} holds {others or 'no'} other version{'s' * (others > 1)} of {model}"
    scores = _read(job.guard_folder / "scores.json")
    guards, champion_scores = {THIS: str(scores["guard"])}, {}
    if champion and champion != version:
        theirs = resolve(store, champion.uri)
        guards[CHAMPION] = str(_read(theirs / "guard.json")["sha256"])
        champion_scores = _read(theirs / "scores.json") if (theirs / "scores.json").exists() else {}
    after = listed(job.images_folder)
    picture = strip(job.evaluation_table, after, guards, concerned)
    if picture:
        write_whole(out / f"{model}.png", lambda partial: partial.write_bytes(picture))
    if version:
        write_report(store, version, out / f"{model}-{version.number}.html")
    return Standing(
        job.base_name,
        model,
        version,
        evidence,
        scores,
        champion_scores,
        count(before, after, pictures_needed(job.training_tables, job.training.pictures), guards),
        alone,
        notes,
        out / f"{model}.png" if picture else None,
        out / f"{model}-{version.number}.html" if version else None,
    )


def judge(job: Job, store: Store, model: str, guard: Path, gates: GateSettings, out: Path) -> dict[str, Any]:
    """Let the gates judge a guard, and tell nobody: no tag and no alias changes. Returns the evidence.

    Args:
        guard: its folder.
        out: folder for ``gates.json``, tables and pictures.
    """
    # What the list lacks was asked about when it was accepted; whoever registers is asked again.
    promotion = Promotion(job, jobs.load_base(job), jobs.judging_of(job), guard, store, model, gates, removal=True)
    for _progress in with_progress(promotion.run()):
        pass
    promotion.decision(out)
    return _read(out / "gates.json")


def _evidence(
    job: Job, store: Store, model: str, champion: Version | None, gates: GateSettings
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the gates found, asked again where the champion or the thresholds are others than then."""
    if not (job.guard_folder / "guard.json").exists():
        raise UnhypeError(
            f"got no guard in {job.guard_folder}, wanted the outcome of the stage erase@{job.base_name}-"
            f"{job.concepts.name}: something that shapes it was edited while it ran; run this again"
        )
    folder = job.build / "gates" / f"{model}-{job.guard_folder.name}"
    found = _read(folder / "gates.json") if (folder / "gates.json").exists() else {}
    if found and found["settings"] == asdict(gates) and _same(found, champion):
        return found, ()
    why = "the champion or the thresholds are others than when it was registered" if found else "no verdict lay here"
    return judge(job, store, model, job.guard_folder, gates, folder.with_name(f"{folder.name}-review")), (
        f"judged for this comment alone, since {why}; tags and aliases are as they were",
    )


def _same(evidence: Mapping[str, Any], champion: Version | None) -> bool:
    if champion is None:
        return not evidence["champion"]
    return evidence["champion"] == champion.uri or champion.tags.get("guard_hash") == evidence["guard"]


def _registered(store: Store, model: str, guard: str) -> Version | None:
    there = versions(store, model) if known(store, model) else []
    return next((version for version in there if version.tags.get("guard_hash") == guard), None)


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
