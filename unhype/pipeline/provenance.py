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
from typing import Any

from unhype.erasing.checkpoint import CARD, read_card
from unhype.errors import UnhypeError
from unhype.pipeline.job import Job
from unhype.prompts.stored import rows_hash
from unhype.storage.addresses import keep


def made_from(job: Job, scores: Mapping[str, Any]) -> dict[str, str]:
    """As tags of the version that the job's guard becomes.

    Args:
        job: with the code that made the guard, and the prompts that its run checked (:meth:`Job.with_prompts`).
        scores: of the guard; they name it.

    Raises:
        UnhypeError: settings, list, prompts or base are others now; prompts or pictures are gone; or no space is left.
    """
    if not (job.guard_folder / CARD).exists() or read_card(job.guard_folder).get("sha256") != scores["guard"]:
        raise UnhypeError(
            f"got settings, a list, prompts or a base of the guard {job.guard_folder.name}, wanted those of the guard "
            f"{scores['guard'][:12]}, which this run made: put them back, or start a new run"
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
