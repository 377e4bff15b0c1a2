"""UnHype as one method among others: the main job's guard, with the comparison's seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from unhype import job as jobs
from unhype.baselines.case import Case, Step
from unhype.eraser import Guarded
from unhype.job import Job


@dataclass(frozen=True)
class UnHype:
    """Attributes:
    job: whose settings it is trained with; a guard that the flow has trained already is the same one.
    """

    job: Job
    name: str = "unhype"
    fits: str = "unhype"

    def fit(self, case: Case) -> Iterator[Step]:
        job = self._seeded(case)
        for progress in jobs.train(job, case.family.pipeline):
            if progress.report:
                yield Step(progress.report.step, progress.report.steps, progress.report.loss)

    def eraser(self, case: Case) -> Guarded:
        return Guarded(case.family.pipeline, jobs.guard_of(self._seeded(case)), case.how)

    def _seeded(self, case: Case) -> Job:
        return replace(self.job, training=replace(self.job.training, seed=case.seed))
