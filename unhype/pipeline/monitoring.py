"""A guard's monitor is made: the base draws what it learns from, it is fitted, and its bars are set."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from unhype.erasing.fitting import NAMED, own_vectors
from unhype.erasing.phrases import nearness
from unhype.erasing.switch import Switch
from unhype.families.family import Family
from unhype.monitor.fitting import Fitting
from unhype.monitor.monitor import LOOK, Monitor
from unhype.monitor.recording import record, recorded
from unhype.monitor.rows import table_for
from unhype.pictures.sampling import Sampling
from unhype.progress import Progress

if TYPE_CHECKING:
    from unhype.pipeline.job import Job


def make(job: Job, family: Family, switch: Switch | None) -> Generator[Progress, None, Monitor | None]:
    """The monitor of a job's guard; None where it is to have none. What is drawn already is not drawn again."""
    if not job.monitored:
        return None
    settings, folder = job.monitor, job.guard_folder / "looks"
    table = table_for(job.concepts, settings.pictures)
    for done in record(family, table, LOOK, _ways(job), folder):
        yield Progress("monitor's pictures", done, len(table))
    forget = [entry.concept for entry in job.concepts.forget]
    fitting = Fitting(
        forget, job.concepts.retain, table, recorded(folder, len(table)), settings, job.training.seed, family.device
    )
    for report in fitting.run(folder / "training.safetensors"):
        yield Progress("monitor", report.step, report.steps, report.loss)
    yield Progress("monitor's bar", 0, 1)
    prompts = [NAMED.format(job.concepts.sort.phrase(name)) for name in forget]
    hears = partial(nearness, family.vectors, switch) if switch else None
    return fitting.weighing.monitor(family, prompts, own_vectors(family, job.concepts, switch), hears)


def _ways(job: Job) -> list[Sampling]:
    """Every second picture is drawn with half the guidance: people less like themselves, as an attacker gets them."""
    usual = replace(job.sampling, steps=job.monitor.steps)
    return [usual, replace(usual, guidance=max(1.0, usual.guidance / 2))]


def clear(job: Job) -> None:
    """Delete what only the making of the monitor needed."""
    shutil.rmtree(job.guard_folder / "looks", ignore_errors=True)
