"""The comparison: for every (method, seed) fit, draw, score. What is there is reused; a method that fails is told, and does not stop the rest."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from unhype import job as jobs
from unhype import material
from unhype.baselines.case import Case, Method
from unhype.bases import content_hash
from unhype.comparison.scoring import score_strata, summary
from unhype.errors import UnhypeError
from unhype.evaluation.album import Album
from unhype.evaluation.judges import Reader
from unhype.families.stable_diffusion import StableDiffusion
from unhype.files import write_text
from unhype.job import Job, Progress
from unhype.prompts import training_tables
from unhype.strata import strata_table
from unhype.trainer import Material

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline

BARE = "none"


@dataclass(frozen=True)
class Comparison:
    """Methods on one base and one set.

    Attributes:
        methods: the base itself, ``none``, is always there.
        seeds: of training; pictures have the same seeds for all.
    """

    job: Job
    pipeline: StableDiffusionPipeline
    judge: Reader
    methods: Mapping[str, Method]
    seeds: Sequence[int]

    @property
    def folder(self) -> Path:
        """Where everything is kept: one folder for a set on a base with these settings."""
        return self.job.build / "compare" / f"{self.job.concepts.name}-{self.job.fingerprint[:12]}"

    @cached_property
    def strata(self) -> tuple[pd.DataFrame, dict[str, str]]:
        """The prompts, and the strata that this set cannot fill."""
        return strata_table(self.job.concepts, self.job.prompts)

    @cached_property
    def bare(self) -> Album:
        """The base's own pictures."""
        return jobs.bare_album(self.job, self.pipeline)

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """What training may read."""
        return training_tables(self.job.concepts)

    @cached_property
    def material(self) -> Material:
        """The same with base pictures, which must be drawn."""
        needed = material.pictures_needed(self.tables["train"], self.job.training.pictures)
        return material.build_material(StableDiffusion(self.pipeline), self.bare, self.tables["train"], self.tables["retain"], needed)

    def case(self, seed: int) -> Case:
        """What every method is given."""
        facts = {"concepts": self.job.concepts.name, "concepts_hash": self.job.concepts.content_hash()}
        base_hash = content_hash(self.job.base_folder)
        family, how = StableDiffusion(self.pipeline), self.job.sampling
        return Case(family, base_hash, self.tables["train"], self.tables["retain"], self.material, how, seed, self.folder / "fitted", facts)

    def run(self) -> Iterator[Progress]:
        """Do everything that is not done."""
        table, _missing = self.strata
        needed = material.pictures_needed(self.tables["train"], self.job.training.pictures)
        yield from _drawn("base pictures", self.bare, needed)
        yield from _drawn("bare strata", self.bare, table)
        self._score(BARE, self.seeds[0], self.bare, 0.0)
        for name, method in self.methods.items():
            for seed in self.seeds:
                try:
                    yield from self._one(name, method, seed)
                except UnhypeError as error:
                    write_text(self._path(name, seed), json.dumps({"method": name, "seed": seed, "error": str(error)}, indent=2) + "\n")

    def results(self) -> dict[str, list[dict[str, Any]]]:
        """Method → what was measured for each seed; ``error`` in place of scores where it failed."""
        found: dict[str, list[dict[str, Any]]] = {}
        for name in (BARE, *self.methods):
            paths = [self._path(name, seed) for seed in (self.seeds if name != BARE else self.seeds[:1])]
            found[name] = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
        return found

    def _one(self, name: str, method: Method, seed: int) -> Iterator[Progress]:
        case, spent = self.case(seed), self.folder / "fitted" / f"{method.fits}-{seed}.seconds"
        before, began = float(spent.read_text(encoding="utf-8")) if spent.exists() else 0.0, time.monotonic()
        fitted = False
        try:
            for step in method.fit(case):
                fitted = True
                yield Progress(f"{name} {seed}: fitting", step.step, step.steps)
        finally:
            if fitted:
                write_text(spent, str(before + time.monotonic() - began))
        album = Album(self.job.images_folder, method.eraser(case))
        yield from _drawn(f"{name} {seed}: drawing", album, self.strata[0])
        self._score(name, seed, album, float(spent.read_text(encoding="utf-8")) if spent.exists() else 0.0)

    def _score(self, name: str, seed: int, album: Album, seconds: float) -> None:
        table, missing = self.strata
        prompts, seeds = list(table["prompt"]), list(table["seed"])
        pixels, before = album.read(prompts, seeds), self.bare.read(prompts, seeds)
        drift = np.array([np.abs(a.astype(int) - b.astype(int)).mean() / 255 for a, b in zip(pixels, before, strict=True)])
        scores = score_strata(table, self.judge.read(pixels), self.judge.read(before), drift, faces=self.job.concepts.kind == "people")
        found = {
            "method": name,
            "seed": seed,
            "eraser": album.eraser.identity,
            "judge": self.judge.name,
            "fit_seconds": seconds,
            "missing_strata": missing,
            "strata": {stratum: asdict(score) for stratum, score in scores.items()},
            "summary": summary(scores),
        }
        write_text(self._path(name, seed), json.dumps(found, indent=2) + "\n")

    def _path(self, name: str, seed: int) -> Path:
        return self.folder / f"{name}-{seed}.json"


def _drawn(part: str, album: Album, table: pd.DataFrame) -> Iterator[Progress]:
    for done in album.draw(list(table["prompt"]), list(table["seed"])):
        yield Progress(part, done, len(table))
