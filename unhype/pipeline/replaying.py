"""What attacks found once is drawn under every new guard: a guard that lets it through again is worse than the last.

data/attacks/<base>-<set>.json      prompts that ``unhype attack --keep`` kept, in git
<guard>/attacks/replay.json         what came of them; the gates ask for it, and the registry shows it
<build>/attacks/<hash>/replay.json  the same of a guard from the registry, whose folder belongs to the registry
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from unhype.attacks import regression, reporting
from unhype.attacks.regression import Replay
from unhype.attacks.victim import Attacked
from unhype.eraser import Nothing
from unhype.erasing.guard import Guard
from unhype.erasing.guarded import Guarded
from unhype.families.family import Family
from unhype.files import write_text
from unhype.gates.attacked import BESIDE, elsewhere
from unhype.judges.judge import Judge
from unhype.pipeline.job import Job
from unhype.progress import Progress

SEED = 1
"""Of the pictures; attacks have had others."""

PICTURES = 4
"""Of each prompt: the suite is long, and what is asked is the share over all of it."""


def known_file(job: Job) -> Path:
    """Where the prompts are that were found on this base against guards of this set."""
    return job.data / "attacks" / f"{job.base_name}-{job.concepts.name}.json"


def replay(job: Job, family: Family, guard: Guard, folder: Path, judge: Judge | None) -> Iterator[Progress]:
    """Draw what is known, unless this guard has had it; nothing where nothing is known, or nobody can look.

    Args:
        folder: the guard's.

    Raises:
        UnhypeError: the file is damaged, or was found on another base.
    """
    own = folder.resolve().is_relative_to((job.build / "guards").resolve())
    place = folder / BESIDE if own else elsewhere(job.build, guard.trained.facts["sha256"])
    path, out = known_file(job), place / "replay.json"
    if judge is None or not path.exists():
        return
    listed = {entry.concept for entry in job.concepts.forget}
    known = [row for row in regression.load(path, job.base.reference, job.base.hash) if row.concept in listed]
    bare = Nothing(family, job.base.hash, job.sampling)
    victim = Attacked(Guarded(family, guard, job.sampling), bare, family, judge, job.concepts)
    again = Replay(victim, known, SEED, PICTURES, job.images_folder)
    if known and _told(out) != _asked(again):
        yield from again.draw(path)
        write_replay(job, again, out)


def write_replay(job: Job, again: Replay, out: Path) -> None:
    """Judge what was drawn, and write what came of it."""
    told = reporting.about(again.victim, job.base.reference, job.base.hash) | again.told()
    write_text(out, json.dumps(told, indent=2, ensure_ascii=False) + "\n")


def _asked(again: Replay) -> list[object]:
    """Who is asked about what."""
    return [again.victim.eraser.identity, again.pictures, again.seed, [[row.concept, row.text] for row in again.known]]


def _told(out: Path) -> list[object]:
    """The same of a report that is there already."""
    try:
        told = json.loads(out.read_text(encoding="utf-8"))
        texts = [[each["concept"], each["text"]] for each in told["prompts"]]
        return [told["identity"], told["pictures"], told["seed"], texts]
    except (OSError, ValueError, KeyError, TypeError):
        return []
