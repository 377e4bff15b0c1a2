"""A concept set to tune on, and what every experiment does with it.

The roles of celeb100's lists are swapped, so that nothing that is reported on is tuned on. Forgotten: the 100 names
that celeb100 retains, with their aliases. Trained to be kept: half of the names that celeb100 forgets. Never seen: the
other half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from unhype.bases.finding import find_base
from unhype.concepts.schema import ConceptSet, Entry
from unhype.erasing.guard import Guard
from unhype.erasing.material import build_material, pictures_needed
from unhype.erasing.switch import Switch
from unhype.erasing.trainer import Material, TrainingSettings
from unhype.evaluation.album import Album
from unhype.families.family import Family
from unhype.handwritten import parse_yaml
from unhype.miniature.people import aliases, groups
from unhype.params import Params, build, load_params
from unhype.pipeline import job as jobs
from unhype.pipeline import making
from unhype.pipeline.job import Job
from unhype.progress import with_progress
from unhype.prompts.strata import strata_table
from unhype.prompts.tables import PromptSettings

BUILD = Path("build/experiments")


def development_set() -> ConceptSet:
    known = aliases()
    forget = tuple(
        Entry(name, "a person", aliases=(known[name],) if name in known else ()) for name in groups()["retain"]
    )
    others = groups()["forget"]
    return ConceptSet("development", "people", forget, others[::2], others[1::2])


def settings() -> Params:
    """Those of params.yaml."""
    return load_params(Path("params.yaml"))


def development_job(
    n: int, training: TrainingSettings | None = None, concepts: ConceptSet | None = None, build: Path = BUILD
) -> Job:
    """The main job on the development set, or on a part of it, with at most n prompts of each kind."""
    params = settings()
    return Job(
        concepts or development_set(),
        find_base("mini-sd", Path("data")),
        Path("data"),
        build,
        training or params.training,
        PromptSettings(n),
        params.sampling,
    )


def development_strata(job: Job) -> pd.DataFrame:
    """What may be asked in tuning."""
    return strata_table(job.concepts, job.prompts, development=True)[0].groupby("group").head(job.prompts.per_role)


def changed(variant: Sequence[str]) -> TrainingSettings:
    """The settings of params.yaml but for some, ``key=value``; nested keys with dots."""
    training = asdict(settings().training)
    for assignment in variant:
        key, value = assignment.split("=", 1)
        *outer, last = key.split(".")
        place = training
        for name in outer:
            place = place[name]
        place[last] = parse_yaml(value, f"the variant {assignment}")
    return build(TrainingSettings, training, "the variant")


def trained(job: Job, family: Family) -> Guard:
    """The job's guard, trained if it is not there."""
    for _progress in with_progress(making.train(job, family)):
        pass
    return jobs.guard_of(job)


def seconds(job: Job) -> float:
    """How long the training took."""
    return sum(point["seconds"] for point in making.read_curve(job))


def pictures(album: Album, table: pd.DataFrame, bare: Album | None = None) -> np.ndarray:
    """The album's pictures of a table's prompts and seeds, drawn if they are not there."""
    asked: tuple[Sequence[str], Sequence[int]] = (list(table["prompt"]), list(table["seed"]))
    for _done in album.draw(*asked, bare):
        pass
    return album.read(*asked)


def material_of(job: Job, family: Family, tables: Mapping[str, pd.DataFrame], switch: Switch | None = None) -> Material:
    """What a training of these prompts reads, its base pictures drawn if they are not there."""
    needed, album = pictures_needed(tables, job.training.pictures), making.bare_album(job, family)
    pictures(album, needed)
    return build_material(family, album, tables, needed, switch)
