"""A job at toy size on the shipped base: two prompts a role, one sampling step, all its files in a test's folder."""

from __future__ import annotations

from pathlib import Path

from unhype.bases.finding import find_base
from unhype.concepts.schema import ConceptSet
from unhype.erasing.trainer import TrainingSettings
from unhype.pictures.sampling import Sampling
from unhype.pipeline.job import Job
from unhype.prompts.tables import PromptSettings


def toy_job(concepts: ConceptSet, data: Path, folder: Path) -> Job:
    """On mini-sd, with the judges that ship."""
    (folder / "data").mkdir()
    for part in ("bases", "judges"):
        (folder / "data" / part).symlink_to(data / part)
    base = find_base("mini-sd", folder / "data")
    how = TrainingSettings(), PromptSettings(2), Sampling(steps=1, batch=16)
    return Job(concepts, base, folder / "data", folder / "build", *how)
