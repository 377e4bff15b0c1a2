"""A review from beginning to end; what is known is written into it step by step, so that an error loses nothing."""

from __future__ import annotations

from pathlib import Path

from unhype.concepts.diff import diff_sets
from unhype.concepts.loading import load_set, set_path
from unhype.errors import UnhypeError
from unhype.params import load_params
from unhype.pipeline import job as jobs
from unhype.pipeline import lists
from unhype.registry.store import open_store
from unhype.review import git
from unhype.review.changes import Changes, find
from unhype.review.checking import BUILD, DATA, check
from unhype.review.comment import Review
from unhype.review.drawn import listed
from unhype.review.rerunning import rerun
from unhype.review.standing import stand

SETTINGS = Path("params.yaml")


def last(since: Path | None) -> str:
    """The commit in a file that notes what was reviewed last; empty where there is none, or git no longer has it."""
    try:
        return git.commit_of(since.read_text(encoding="utf-8").strip()) if since and since.exists() else ""
    except UnhypeError:
        return ""


def run(review: Review, against: str, out: Path) -> None:
    """Find, check, rerun, judge.

    Args:
        review: is filled.
        out: folder for pictures and reports.

    Raises:
        UnhypeError: what stands in the way besides the lists themselves: git, DVC, the registry.
    """
    if not Path("dvc.yaml").exists():
        raise UnhypeError(f"got no dvc.yaml in {Path.cwd()}, wanted the project's root: run from there")
    params = load_params(SETTINGS)
    review.changes = changes = find(against)
    names = list(changes.why)
    if changes.gone:
        lists.listed(DATA)  # refuses a list that is gone while its accepted form is there
    review.findings = check(names, params)
    if review.stopped():
        return
    sets = {name: load_set(name) for name in names}
    review.diffs = {
        name: diff_sets(old, concepts) if (old := changes.older.get(name)) else None for name, concepts in sets.items()
    }
    if not names and not changes.gone:
        return
    store = open_store(Path.cwd())  # before any work: a server that does not answer shows here
    lists.write(DATA)
    jobs_of = {
        name: [jobs.open_job(params, name, base, DATA, BUILD) for base in lists.check(concepts, DATA, set_path(name))]
        for name, concepts in sets.items()
    }
    before = {job.images_folder: listed(job.images_folder) for each in jobs_of.values() for job in each}
    review.outcomes += rerun(["lists"], {})
    for name, each in jobs_of.items():
        stages = [f"curate@{name}", f"prompts@{name}", *(f"erase@{job.base_name}-{name}" for job in each)]
        review.outcomes += rerun(stages, _allowing(changes, name))
    if review.stopped():
        return
    for name, each in jobs_of.items():
        diff = review.diffs[name]
        concerned = {change.concept for change in (*diff.added, *diff.changed)} if diff else set()
        if each:
            review.standings[name] = []
        for job in each:
            # Opened anew: its prompts were written meanwhile.
            now = jobs.open_job(params, name, job.base_name, DATA, BUILD)
            standing = stand(now, store, params.gates, before[job.images_folder], concerned, out)
            review.standings[name].append(standing)


def _allowing(changes: Changes, name: str) -> dict[str, str]:
    """A removal that was accepted with the change is one that the flow need not ask about again."""
    return {"METAFLOW_RUN_ALLOW_REMOVAL": "true"} if changes.allowed.get(name) else {}
