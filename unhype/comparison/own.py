"""UnHype as one method among others: the main job's guard, with the comparison's seed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from safetensors import safe_open

from unhype.baselines.case import Case, Cost, Fit, Step
from unhype.erasing.checkpoint import TENSORS
from unhype.erasing.guarded import Guarded
from unhype.errors import UnhypeError
from unhype.files import write_text
from unhype.pipeline import job as jobs
from unhype.pipeline import making
from unhype.pipeline.job import Job


@dataclass(frozen=True)
class UnHype:
    """Attributes:
    job: whose settings it is trained with; a guard that the flow has trained already is the same one.
    monitored: whether it looks at what is being drawn; if not it reads words alone.
    """

    job: Job
    name: str = "unhype"
    fits: str = "unhype"
    needs: Sequence[Fit] = ()
    monitored: bool = True

    def fit(self, case: Case) -> Iterator[Step]:
        job = self._seeded(case)
        if not self.monitored and not job.monitored:
            raise UnhypeError(f"got {self.name} where no guard has a monitor, wanted unhype: it is the same")
        for progress in making.train(job, case.family):
            if progress.loss is not None:
                yield Step(progress.done, progress.total, progress.loss)
        if not case.seconds(self.fits).exists():  # the flow has trained it
            write_text(case.seconds(self.fits), str(sum(point.get("seconds", 0.0) for point in making.read_curve(job))))

    def eraser(self, case: Case) -> Guarded:
        return Guarded(case.family, jobs.guard_of(self._seeded(case), self.monitored), case.how)

    def cost(self, case: Case) -> Cost:
        """Of everything in its file, the switch too."""
        path = self._seeded(case).guard_folder / TENSORS
        with safe_open(path, framework="np") as file:
            sizes = [math.prod(file.get_slice(name).get_shape()) for name in file.keys()]  # noqa: SIM118  not a dictionary
        return Cost(sum(sizes), path.stat().st_size)

    def _seeded(self, case: Case) -> Job:
        return replace(self.job, training=replace(self.job.training, seed=case.seed))
