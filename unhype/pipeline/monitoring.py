"""A guard's monitor is made: the base draws what it learns from, it is fitted, and its bars are set."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from unhype.erasing.phrases import reader
from unhype.erasing.switch import Switch
from unhype.families.family import Family
from unhype.monitor.fitting import Fitting
from unhype.monitor.monitor import LOOK, Monitor
from unhype.monitor.recording import record, recorded
from unhype.monitor.rows import table_for
from unhype.progress import Progress

if TYPE_CHECKING:
    from unhype.concepts.schema import ConceptSet
    from unhype.pipeline.job import Job

LEARNT = 0.4
"""How far into the noise it begins to learn what pictures look like: before it has to tell."""

PROMPT = "a photo of {}"
"""What the base is asked about, as a witness."""


def make(job: Job, family: Family, switch: Switch | None) -> Generator[Progress, None, Monitor | None]:
    """The monitor of a job's guard; None where it is to have none. What is drawn already is not drawn again."""
    if not job.monitored:
        return None
    settings, folder = job.monitor, job.guard_folder / "looks"
    table = table_for(job.concepts, settings.pictures)
    for done in record(family, table, LEARNT, replace(job.sampling, steps=settings.steps), folder):
        yield Progress("monitor's pictures", done, len(table))
    forget = [entry.concept for entry in job.concepts.forget]
    fitting = Fitting(
        forget, job.concepts.retain, table, recorded(folder, len(table)), settings, job.training.seed, family.device
    )
    for report in fitting.run(folder / "training.safetensors"):
        yield Progress("monitor", report.step, report.steps, report.loss)
    yield Progress("monitor's bar", 0, 1)
    say = job.concepts.sort.phrase
    prompts = [
        (PROMPT.format(say(entry.concept)), PROMPT.format(say(entry.anchor)) if entry.anchor else "")
        for entry in job.concepts.forget
    ]
    return fitting.monitor(family, prompts, own_vectors(family, job.concepts, switch), LOOK)


def clear(job: Job) -> None:
    """Delete what only the making of the monitor needed."""
    shutil.rmtree(job.guard_folder / "looks", ignore_errors=True)


@torch.no_grad()
def own_vectors(family: Family, concepts: ConceptSet, switch: Switch | None) -> torch.Tensor:
    """c of each forgotten concept as the hypernetwork reads its own name, ``[m, d]``."""
    reading = reader(family.vectors, switch)([concepts.sort.phrase(entry.concept) for entry in concepts.forget])
    return reading.c[torch.arange(len(reading)), reading.opened.argmax(1)]
