"""What attacks found once is drawn under every new guard: a guard that lets it through again is worse than the last.

data/attacks/<base>-<set>.json      prompts that ``unhype attack --keep`` kept, in git
<guard>/attacks/replay.json         what came of them; the gates ask for it, and the registry shows it
<build>/attacks/<hash>/replay.json  the same of a guard from the registry, whose folder belongs to the registry
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from unhype.attacks import regression, reporting
from unhype.attacks.regression import Known
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
    asked = [[row.concept, row.text] for row in known]
    if not known or _told(out) == [victim.eraser.identity, asked]:
        return
    for done, _shares in enumerate(draw_known(job, victim, known, SEED, path, out), 1):
        yield Progress("prompts found before", done, len(known))


def draw_known(
    job: Job, victim: Attacked, known: Sequence[Known], seed: int, where: Path, out: Path
) -> Iterator[tuple[float, float]]:
    """Draw known prompts, and write what came of them; yields each one's shares, the victim's and the base's.

    Args:
        where: the file that they are from.
        out: the report.

    Raises:
        UnhypeError: concepts that the judge can't tell.
    """
    shares = []
    for pair in regression.replay(victim, known, seed, where):
        shares.append(pair)
        yield pair
    told = reporting.about(victim, job.base.reference, job.base.hash) | regression.replayed(known, shares)
    write_text(out, json.dumps(told, indent=2, ensure_ascii=False) + "\n")


def _told(out: Path) -> list[object]:
    """Who was asked about what, in a report that is there already."""
    try:
        told = json.loads(out.read_text(encoding="utf-8"))
        return [told["identity"], [[each["concept"], each["text"]] for each in told["prompts"]]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
