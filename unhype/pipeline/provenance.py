"""What a version was made from, worked out from the run itself while its files are as it used them.

    training_tables, evaluation_table     SHA-256 of the rows that training and evaluation read
    prompts_data, pictures_data           DVC's addresses of data/prompts/<set> and data/images/<base>/<set>
    settings                              SHA-256 of the settings that shaped guard and scores

Set, base and code are on the guard's own card, the judge is among its scores. Prompts and pictures go into DVC's cache,
so that ``unhype data push`` has them whatever is edited or drawn afterwards.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from unhype.errors import UnhypeError
from unhype.pipeline.job import Job
from unhype.prompts.stored import rows_hash
from unhype.storage.addresses import keep


def made_from(job: Job, guard: Path) -> dict[str, str]:
    """As tags of the version that a guard becomes.

    Args:
        job: with the code that made the guard, and the prompts that its run checked (:meth:`Job.with_prompts`).
        guard: its folder, whose name says what shaped it.

    Raises:
        UnhypeError: settings, list, prompts or base are others now; prompts or pictures are gone; or no space is left.
    """
    if job.guard_folder.name != guard.name:
        raise UnhypeError(
            f"got settings, a list, prompts or a base that make the guard {job.guard_folder.name}, wanted those of "
            f"{guard.name}, which this run made: put them back, or start a new run"
        )
    return {
        "training_tables": job.tables_hash,
        "evaluation_table": rows_hash(job.evaluation_table),
        "prompts_data": keep(job.prompts_folder),
        "pictures_data": keep(job.images_folder),
        "settings": hashlib.sha256(json.dumps(settings_of(job), sort_keys=True).encode()).hexdigest(),
    }


def settings_of(job: Job) -> Mapping[str, Any]:
    """The settings that shape a guard and its scores."""
    return {
        "training": asdict(job.training),
        "sampling": asdict(job.sampling),
        "prompts": asdict(job.prompts),
        "base": {"dtype": job.loading.dtype, "config": job.loading.config if job.base.file else ""},
    }
