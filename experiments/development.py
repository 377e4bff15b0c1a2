"""A concept set to tune on, and what every experiment does with it.

The roles of celeb100's lists are swapped, so that nothing that is reported on is tuned on. Forgotten: the 100 names
that celeb100 retains, with their aliases. Trained to be kept: half of the names that celeb100 forgets. Never seen: the
other half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd

from unhype.bases.finding import Source, find_base
from unhype.bases.loading import fetched
from unhype.concepts.schema import ConceptSet, Entry
from unhype.erasing.guard import Guard
from unhype.erasing.material import Material, build_material, pictures_needed
from unhype.erasing.switch import Switch
from unhype.erasing.trainer import TrainingSettings
from unhype.errors import UnhypeError
from unhype.evaluation.album import Album
from unhype.evaluation.scores import GroupScore
from unhype.families.family import Family
from unhype.families.loading import family_named_in
from unhype.handwritten import parse_yaml
from unhype.judges.judge import Judge
from unhype.miniature.people import aliases, groups
from unhype.params import Params, build, load_params
from unhype.pipeline import job as jobs
from unhype.pipeline import making
from unhype.pipeline.job import Job
from unhype.progress import with_progress
from unhype.prompts.strata import strata_table
from unhype.prompts.tables import PromptSettings

BUILD = Path("build/experiments")
DATA = Path("data")

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def development_set() -> ConceptSet:
    known = aliases()
    forget = tuple(
        Entry(name, "a person", aliases=(known[name],) if name in known else ()) for name in groups()["retain"]
    )
    others = groups()["forget"]
    return ConceptSet("development", "people", forget, others[::2], others[1::2])


def first(n: int) -> ConceptSet:
    """The development set with its first n names to forget.

    With more than it has, those that it keeps are forgotten too, and nobody is kept.
    """
    whole = development_set()
    if n <= len(whole.forget):
        return replace(whole, forget=whole.forget[:n])
    others = tuple(Entry(name, "a person") for name in (*whole.retain, *whole.evaluation))
    return replace(whole, forget=(*whole.forget, *others)[:n], retain=(), evaluation=())


def settings(base: Source | None = None, changes: Sequence[str] = ()) -> Params:
    """Those of params.yaml that suit a base, but for some: ``block.key=value``."""
    params = load_params(Path("params.yaml"))
    if base:
        params = params.suited(base, DATA / "judges")
    told = sorted(change.partition(".")[::2] for change in changes)
    for block, each in groupby(told, key=lambda pair: pair[0]):
        if block not in ("training", "sampling", "base", "judges"):
            raise UnhypeError(f"got --set {block}.…, wanted training, sampling, base or judges and a key of theirs")
        params = replace(params, **{block: overridden(getattr(params, block), [change for _, change in each])})
    return params


def development_job(
    n: int,
    training: TrainingSettings | None = None,
    concepts: ConceptSet | None = None,
    build: Path = BUILD,
    base: str = "mini-sd",
    changes: Sequence[str] = (),
) -> Job:
    """The main job on the development set, or on a part of it, with at most n prompts of each kind.

    Args:
        changes: of settings, see :func:`settings`; ``training`` goes before them.
    """
    source = fetched(find_base(base, DATA))
    params = settings(source, changes)
    return Job(
        concepts or development_set(),
        source,
        DATA,
        build,
        training or params.training,
        PromptSettings(n),
        params.sampling,
        judges=params.judges,
        loading=params.base,
    )


def overridden(settings: T, changes: Sequence[str]) -> T:
    """Settings but for some, ``key=value``; nested keys with dots.

    Raises:
        UnhypeError: something else than key and value, or a key that is not there.
    """
    told = asdict(settings)
    for change in changes:
        key, equals, value = change.partition("=")
        *outer, last = key.split(".")
        place = told
        for name in outer:
            place = place.get(name, {})
        if not equals or last not in place:
            raise UnhypeError(f"got the change {change!r}, wanted KEY=VALUE with a key of {type(settings).__name__}")
        place[last] = parse_yaml(value, f"the change {change}")
    return build(type(settings), told, "the changed settings")


def sites_known(job: Job) -> None:
    """Make ``one+other`` a choice of sites of the base's family: the layers of both."""
    kind, sites = family_named_in(job.base), job.training.sites
    parts = sites.split("+")
    if len(parts) > 1 and all(part in kind.tables for part in parts):
        layers = {ending: reads for part in parts for ending, reads in kind.tables[part].items()}
        kind.tables = {**kind.tables, sites: layers}


def job_of_guard(guard: Guard) -> Job:
    """The job that made a guard that is there, by today's params.yaml."""
    facts = guard.trained.facts
    return jobs.open_job(load_params(Path("params.yaml")), facts["concepts"], facts["base"], DATA, Path("build"))


def shown_in(judge: Judge, pictures: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Which pictures show the name that each is asked about, ``bool [n]``."""
    return np.array([name in one.concepts for name, one in zip(names, judge.read(pictures), strict=True)])


def judge_of(job: Job) -> Judge:
    """Who looks at the job's pictures.

    Raises:
        UnhypeError: nobody.
    """
    judging = jobs.judging_of(job)
    if judging.judge is None:
        raise UnhypeError(judging.missing)
    return judging.judge


def development_strata(job: Job) -> pd.DataFrame:
    """What may be asked in tuning."""
    return strata_table(job.concepts, job.prompts, development=True)[0].groupby("group").head(job.prompts.per_role)


def trained(job: Job, family: Family) -> Guard:
    """The job's guard, trained if it is not there."""
    for _progress in with_progress(making.train(job, family)):
        pass
    return jobs.guard_of(job)


def of_base(score: GroupScore) -> float:
    """What must stay and does, of what does where the base draws; 0 where that is nothing."""
    return (score.must_stay or 0.0) / score.must_stay_base if score.must_stay_base else 0.0


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
    return build_material(family, album, tables, needed, switch, job.training.shares)
