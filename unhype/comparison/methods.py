"""The methods that can be compared, by name, with a job's settings: what is trained has the same steps and batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from unhype.baselines.case import Method
from unhype.baselines.dve import Dve
from unhype.baselines.esd import Esd
from unhype.baselines.gem import Gem
from unhype.baselines.mace import MaceLike
from unhype.baselines.spm_gate import SpmGate
from unhype.baselines.static_lora import StaticLora
from unhype.baselines.threshold import Threshold
from unhype.baselines.uce import Uce
from unhype.baselines.unguide import UnGuide
from unhype.comparison.own import UnHype
from unhype.errors import UnhypeError
from unhype.pipeline.job import Job

METHODS: dict[str, Callable[[Job], Method]] = {
    "unhype": UnHype,
    "unhype_words": lambda job: UnHype(job, "unhype_words", monitored=False),
    "static_lora": lambda job: StaticLora(job.training),
    "threshold": lambda job: Threshold(job.training),
    "spm_gate": lambda job: SpmGate(job.training),
    "unguide_paper": lambda job: UnGuide("unguide_paper", settings=job.training),
    "unguide_code": lambda job: UnGuide("unguide_code", settings=job.training),
    "uce": lambda job: Uce(),
    "mace_like": lambda job: MaceLike(job.training),
    "esd_x": lambda job: Esd("esd_x", schedule=replace(job.training.schedule, rate=2e-4, decay=0.0)),
    "esd_u": lambda job: Esd("esd_u", schedule=replace(job.training.schedule, rate=5e-5, decay=0.0)),
    "dve": lambda job: Dve("dve"),
    "dve_anchored": lambda job: Dve("dve_anchored"),
    "gem": lambda job: Gem(replace(job.training.schedule, rate=1e-3, decay=0.01)),
}
"""Name → the method with a job's settings. The base itself, ``none``, is in every comparison."""


def chosen(names: Sequence[str], job: Job) -> dict[str, Method]:
    """The methods of these names; ``all`` is every one.

    Raises:
        UnhypeError: an unknown name.
    """
    wanted = list(METHODS) if "all" in names else list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in METHODS]
    if unknown:
        raise UnhypeError(f"got the method {unknown[0]!r}, wanted all, or some of {', '.join(METHODS)}")
    return {name: METHODS[name](job) for name in wanted}
