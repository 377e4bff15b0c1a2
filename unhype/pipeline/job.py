"""The main job: what is asked for, where its files are, and what a guard is named by.

A guard is made in :mod:`unhype.pipeline.making` and scored in :mod:`unhype.pipeline.examination`. Every part leaves
plain files behind and skips what is there already, so a job that was stopped goes on:

    data/prompts/<set>/{train,retain,pairs,evaluation}.csv      data/images/<base>/<set>/<eraser>/{…png,manifest.csv}
    build/results/<base>/<set>/{scores.json,figures.json,gallery.png,plots/…csv}        what was measured last
    build/guards/<set>-<hash>/{guard.safetensors,guard.json,curve.jsonl,scores.json,gallery.png}
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from unhype.bases.finding import Source, find_base
from unhype.bases.loading import BaseSettings, fetched
from unhype.concepts.loading import load_set
from unhype.concepts.results import ValidationResult
from unhype.concepts.schema import ConceptSet
from unhype.concepts.suite import validate_set
from unhype.erasing import fitting
from unhype.erasing.checkpoint import TENSORS
from unhype.erasing.guard import Guard
from unhype.erasing.trainer import TrainingSettings
from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.families.loading import family_named_in, load_family
from unhype.judges.choosing import JudgeSettings, Judging, checked, choose
from unhype.monitor.fitting import MonitorSettings
from unhype.params import Params
from unhype.pictures.sampling import Sampling
from unhype.pipeline.sources import digest
from unhype.prompts import stored
from unhype.prompts.tables import PromptSettings, evaluation_table, training_tables
from unhype.prompts.writing import write_prompts as write_tables

MAKERS = ("unhype.families.loading", "unhype.pipeline.making")
"""Modules that make a guard, with all that they import: an edit there makes another guard."""

MEASURED = ("stable_diffusion",)
"""Families on whose miniature a guard with a monitor was measured: docs/experiments/monitor.md."""


@dataclass(frozen=True)
class Job:
    """What is asked for, and where files are.

    Attributes:
        concepts: the set.
        base: where the base lies.
        data: folder of bases, judges, prompts and images.
        build: folder of everything that can be made again.
        monitor: how a guard's second opinion is made; a job that says nothing of it makes none.
        judges: who looks at the pictures of a base that brings no judge.
        loading: how the base is loaded.
        code: a hash of the code that makes a guard: that of now, unless a run holds on to that of its beginning.
    """

    concepts: ConceptSet
    base: Source
    data: Path
    build: Path
    training: TrainingSettings
    prompts: PromptSettings
    sampling: Sampling
    monitor: MonitorSettings = field(default_factory=lambda: MonitorSettings(when="never"))
    judges: JudgeSettings = field(default_factory=JudgeSettings)
    loading: BaseSettings = field(default_factory=BaseSettings)
    code: str = field(default_factory=lambda: digest(MAKERS))

    @property
    def prompts_folder(self) -> Path:
        return self.data / "prompts" / self.concepts.name

    @property
    def images_folder(self) -> Path:
        return self.data / "images" / self.base_name / self.concepts.name

    @property
    def base_name(self) -> str:
        """The base's own name: what folders are called by."""
        return base_name(self.base)

    @property
    def results_folder(self) -> Path:
        """What was measured last of a guard for this set on this base."""
        return self.build / "results" / self.base_name / self.concepts.name

    @property
    def scores_path(self) -> Path:
        """The latest scores. Figures that pages show are kept in ``data/scores``, by a chore of its own."""
        return self.results_folder / "scores.json"

    @property
    def guard_folder(self) -> Path:
        """Named by everything that shapes the guard: a job that is run again finds its own, another finds none."""
        return self.build / "guards" / f"{self.concepts.name}-{self.fingerprint[:12]}"

    @cached_property
    def training_tables(self) -> dict[str, pd.DataFrame]:
        """What training reads: the files of the set, or what would be written there now.

        Raises:
            UnhypeError: see :func:`unhype.prompts.stored.holding`.
        """
        return stored.holding(self.prompts_folder, training_tables(self.concepts))

    @cached_property
    def evaluation_table(self) -> pd.DataFrame:
        """What the evaluation reads, likewise."""
        return stored.holding(self.prompts_folder, {"evaluation": evaluation_table(self.concepts, self.prompts)})[
            "evaluation"
        ]

    @cached_property
    def measured(self) -> bool:
        """Whether guards with a monitor were measured on bases of this family."""
        return family_named_in(self.base).name in MEASURED

    @property
    def monitored(self) -> bool:
        """Whether the guard gets a monitor."""
        if self.monitor.when == "auto":
            return self.measured and self.concepts.sort.monitored
        return self.monitor.when == "always"

    @property
    def tables_hash(self) -> str:
        """A hash of the rows that shape the guard; those of the evaluation do not."""
        return stored.tables_hash(self.training_tables)

    def with_prompts(self, checked: Mapping[str, str]) -> Job:
        """This job, if its tables are those that were checked.

        Args:
            checked: what :func:`write_prompts` returned.

        Raises:
            UnhypeError: a table is another now.
        """
        tables = {**self.training_tables, "evaluation": self.evaluation_table}
        for name, table in tables.items():
            if stored.rows_hash(table) != checked[name]:
                raise UnhypeError(
                    f"got other prompts in {self.prompts_folder / name}.csv than those that this run checked when it "
                    "began: put them back, or start a new run"
                )
        return self

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything that shapes the guard: set, prompts, base, settings, and the code that makes it."""
        shaping = [
            self.concepts.content_hash(),
            self.tables_hash,
            self.base.hash,
            self.loading.dtype,
            *([self.loading.config] if self.base.file else []),
            asdict(self.training),
            asdict(self.sampling),
            *([asdict(self.monitor)] if self.monitored else []),
            self.code,
        ]
        return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()


def base_name(base: Source) -> str:
    """A base's own name, without the folders or the owner before it."""
    return re.sub(r"[^\w.-]+", "-", Path(base.reference).name) or base.name


def open_job(
    params: Params, concepts: str, base: str, data: Path, build: Path, seed: int | None = None, n: int | None = None
) -> Job:
    """A job from names, with the settings that suit the base, checked as far as that costs nothing.

    Args:
        concepts: a set's name, or a path to one.
        base: see :func:`unhype.bases.finding.find_base`; it is fetched if it must be.
        seed, n: training seed and prompts a role, in place of those of the settings.

    Raises:
        UnhypeError: no such base or set, a base of no family that is known, choices that its family doesn't have, or
            concepts that the base's judge cannot tell.
    """
    wanted = load_set(concepts, data / "concepts")
    source = fetched(find_base(base, data))
    kind = family_named_in(source)
    own = params.suited(source, data / "judges")
    kind.check_choices(own.training.sites, own.training.reads, own.training.times)
    training = own.training if seed is None else replace(own.training, seed=seed)
    prompts = own.prompts if n is None else PromptSettings(n)
    job = Job(wanted, source, data, build, training, prompts, own.sampling, own.monitor, own.judges, own.base)
    checked(judging_of(job), job.concepts)
    return job


def judging_of(job: Job) -> Judging:
    """Who looks at this job's pictures, and what is missing where nobody does."""
    return choose(job.base, job.concepts, job.data / "judges", job.judges)


def validate(job: Job, family: Family) -> ValidationResult:
    """The concept set by every rule, tokens counted and likeness measured by the base itself.

    A retained concept that would open the switch is a warning.
    """
    similarities, limit = fitting.likeness(family, job.concepts)
    return validate_set(job.concepts, family.tokens, similarities, limit)


def write_prompts(job: Job) -> dict[str, str]:
    """Bring the tables on the disk up to date, edited rows kept; returns each table's hash, for later steps to compare.

    Raises:
        UnhypeError: see :func:`unhype.prompts.writing.write_prompts`.
    """
    tables, _edited = write_tables(job.concepts, job.prompts, job.prompts_folder)
    return {name: stored.rows_hash(table) for name, table in tables.items()}


def load_base(job: Job) -> Family:
    """The job's base, on a GPU where there is one."""
    return load_family(job.base, job.loading, job.training.sites or None, job.training.reads or None)


def guard_of(job: Job, monitored: bool = True) -> Guard:
    """The trained guard; ``monitored`` as :meth:`unhype.erasing.guard.Guard.load` has it."""
    if not (job.guard_folder / TENSORS).exists():
        raise UnhypeError(
            f"got no guard in {job.guard_folder}, wanted a trained one: "
            f"run python flows/train_flow.py run --concepts {job.concepts.name}"
        )
    return Guard.load(job.guard_folder, monitored=monitored)
