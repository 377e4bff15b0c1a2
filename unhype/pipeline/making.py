"""A guard is made: the base draws what training needs, the switch is fitted, H is trained, the folder is written.

What this module imports is the code that shapes a guard, and a guard is named by it (``Job.code``). So a job comes in
by its type alone: where files lie, what judges see and how figures are shown shape nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch

from unhype.bases.identity import identify
from unhype.eraser import Nothing
from unhype.erasing import fitting, material
from unhype.erasing.checkpoint import Trained, save, to_device
from unhype.erasing.hypernet import Hypernet
from unhype.erasing.trainer import Trainer
from unhype.evaluation.album import Album
from unhype.families.family import Family
from unhype.pipeline import monitoring
from unhype.progress import Progress
from unhype.training import arithmetic_of

if TYPE_CHECKING:
    from unhype.pipeline.job import Job

CURVE = "curve.jsonl"
"""A guard's training, a line a step; the first step's seconds count the switch and the reading of prompts."""


def train(job: Job, family: Family) -> Iterator[Progress]:
    """Draw what training needs, fit the switch, train the hypernetwork, make the monitor, write the guard."""
    if (job.guard_folder / "guard.json").exists():
        return
    tables = job.training_tables
    album = bare_album(job, family)
    needed = material.pictures_needed(tables, job.training.pictures)
    for done in album.draw(list(needed["prompt"]), list(needed["seed"])):
        yield Progress("base pictures", done, len(needed))
    began = time.monotonic()
    told = job.training
    switch = fitting.fit_to_set(family, job.concepts, told.sentences, told.canonical) if told.switch else None
    stuff = material.build_material(family, album, tables, needed, switch, job.training.shares)
    trainer = Trainer(
        family,
        job.training,
        stuff,
        lambda: Hypernet(job.training.hypernet, family.sites, family.width).bind(family.denoiser),
        job.loading.cache_gb,
    )
    job.guard_folder.mkdir(parents=True, exist_ok=True)
    with open(job.guard_folder / CURVE, "a", encoding="utf-8") as curve:
        for report in trainer.run(job.guard_folder / "training.safetensors"):
            now = time.monotonic()
            curve.write(
                json.dumps(
                    {"step": report.step, "seconds": round(now - began, 3), "loss": report.loss, **report.telemetry}
                )
                + "\n"
            )
            yield Progress("training", report.step, report.steps, report.loss)
            began = now
    monitor = yield from monitoring.make(job, family, switch)
    known = identify(family.parts)
    facts = {
        "concepts": job.concepts.name,
        "concepts_hash": job.concepts.content_hash(),
        "forget": [entry.concept for entry in job.concepts.forget],
        "base": job.base.reference,
        "base_hash": job.base.hash,
        "base_identity": known.label,
        "family": family.name,
        "site_table": family.table,
        "reads": family.reads,
        **({"shape": family.shape} if family.shape else {}),
        "training": asdict(job.training),
        "arithmetic": str(arithmetic_of(job.training.precision, family.device)).removeprefix("torch."),
        "sampling": asdict(job.sampling),
        "tables": job.tables_hash,
        **({"monitored": asdict(job.monitor)} if monitor else {}),
        "code": job.code,
    }
    save(
        to_device(Trained(trainer.emitter, switch, known, facts, monitor), torch.device("cpu")),
        job.guard_folder,
    )
    (job.guard_folder / "training.safetensors").unlink(missing_ok=True)
    monitoring.clear(job)


def read_curve(job: Job) -> list[dict[str, float]]:
    """What was measured in each training step, in order.

    Of a step that was done twice, because a run was killed, the later.
    """
    path = job.guard_folder / CURVE
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    points = {point["step"]: point for point in map(json.loads, lines)}
    return [points[step] for step in sorted(points)]


def bare_album(job: Job, family: Family) -> Album:
    """The base's own pictures, shared by all jobs on it."""
    return Album(job.images_folder, Nothing(family, job.base.hash, job.sampling))
