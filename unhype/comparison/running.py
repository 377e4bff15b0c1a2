"""The comparison: for every (method, seed) fit, draw, score.

What is there is reused: fits go on, pictures are drawn once, and scores hold while eraser, prompts, judges and scoring
are the same. A method that fails, or is not defined for this base, is told, and does not stop the rest.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unhype.baselines.case import Case, Fit, Method
from unhype.comparison.scoring import summary
from unhype.eraser import Eraser
from unhype.erasing import material
from unhype.erasing.material import Material
from unhype.errors import UnhypeError
from unhype.evaluation.album import Album
from unhype.evaluation.fidelity import Fidelity, compare_albums
from unhype.evaluation.looking import drifts, readings
from unhype.evaluation.scores import score_groups
from unhype.families.family import Family
from unhype.files import write_text
from unhype.judges.embeddings import Embeddings
from unhype.judges.judge import Judge
from unhype.pipeline import making
from unhype.pipeline.job import Job
from unhype.pipeline.sources import digest
from unhype.progress import Progress
from unhype.prompts.strata import strata_table

BARE = "none"

SCORERS = ("unhype.comparison.scoring", "unhype.evaluation.fidelity", "unhype.evaluation.looking")
"""Modules that turn pictures into scores, with all that they import: an edit there scores anew."""


@dataclass(frozen=True)
class Comparison:
    """Methods on one base and one set.

    Attributes:
        judge: ``None`` where nobody can read this base's pictures: then how far they moved is all that is said.
        clip: ``None`` where none is at hand: then CMMD and CLIP's score stay unsaid.
        methods: the base itself, ``none``, is always there.
        seeds: of training; pictures have the same seeds for all.
    """

    job: Job
    family: Family
    judge: Judge | None
    clip: Embeddings | None
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
        return making.bare_album(self.job, self.family)

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """What training may read."""
        return self.job.training_tables

    @cached_property
    def material(self) -> Material:
        """The same with base pictures, which must be drawn; no pairs, which no rival's paper trains on."""
        needed = material.pictures_needed(self.tables, self.job.training.pictures)
        family, tables = self.family, {**self.tables, "pairs": self.tables["pairs"].iloc[:0]}
        return material.build_material(family, self.bare, tables, needed, None, self.job.training.shares)

    def case(self, seed: int) -> Case:
        """What every method is given."""
        facts = {"concepts": self.job.concepts.name, "concepts_hash": self.job.concepts.content_hash()}
        base_hash = self.job.base.hash
        family, how = self.family, self.job.sampling
        return Case(
            family,
            base_hash,
            self.tables["train"],
            self.tables["retain"],
            self.material,
            how,
            seed,
            self.folder / "fitted",
            facts,
        )

    def run(self) -> Iterator[Progress]:
        """Do everything that is not done."""
        table, _missing = self.strata
        yield from self.draw_material()
        yield from _drawn("bare strata", self.bare, table)
        if not self._scored(BARE, self.seeds[0], self.bare):
            self._score(BARE, self.seeds[0], self.bare, {"fit_seconds": 0.0})
        for name, method in self.methods.items():
            for seed in self.seeds:
                try:
                    yield from self._one(name, method, seed)
                except UnhypeError as error:
                    told = {"method": name, "seed": seed, "base": self.job.base.name, "error": str(error)}
                    write_text(self._path(name, seed), json.dumps(told, indent=2) + "\n")

    def fit(self, method: Method, case: Case, label: str) -> Iterator[Progress]:
        """Fit a method and what it builds on, as far as that is not done; the base's pictures must be drawn."""
        for part in (*method.needs, method):
            yield from _fitted(part, case, label)

    def fit_one(self, name: str, seed: int) -> Iterator[Progress]:
        """Fit the method of this name, with all that it needs: the base's pictures, and what it builds on."""
        yield from self.draw_material()
        yield from self.fit(self.methods[name], self.case(seed), name)

    def eraser(self, name: str, seed: int) -> Eraser:
        """Who draws; it must be fitted."""
        return self.methods[name].eraser(self.case(seed))

    def draw_material(self) -> Iterator[Progress]:
        """The base's pictures that methods are trained on."""
        needed = material.pictures_needed(self.tables, self.job.training.pictures)
        yield from _drawn("base pictures", self.bare, needed)

    def results(self) -> dict[str, list[dict[str, Any]]]:
        """Method → what was measured for each seed; ``error`` in place of scores where it failed."""
        found: dict[str, list[dict[str, Any]]] = {}
        for name in (BARE, *self.methods):
            paths = [self._path(name, seed) for seed in (self.seeds if name != BARE else self.seeds[:1])]
            found[name] = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
        return found

    def measured(self) -> dict[str, list[dict[str, Any]]]:
        """The same of whatever was scored before with these settings, of each fit the run with the most pictures."""
        found: dict[str, list[dict[str, Any]]] = {}
        for name in (BARE, *self.methods):
            best: dict[int, dict[str, Any]] = {}
            for path in self.folder.glob(f"{name}-*-n*.json"):
                told = json.loads(path.read_text(encoding="utf-8"))
                if "summary" in told and told["n"] >= best.get(told["seed"], told)["n"]:
                    best[told["seed"]] = told
            found[name] = [best[seed] for seed in sorted(best)]
        return found

    def _one(self, name: str, method: Method, seed: int) -> Iterator[Progress]:
        case, parts = self.case(seed), (*method.needs, method)
        yield from self.fit(method, case, f"{name} {seed}")
        album = Album(self.job.images_folder, method.eraser(case))
        yield from _drawn(f"{name} {seed}: drawing", album, self.strata[0], self.bare)
        first = seed == self.seeds[0]  # the others draw with tensors of the same shapes
        if self._scored(name, seed, album) and (not first or self._latency_known(name, seed)):
            return
        seconds = sum(case.spent(part.fits) for part in parts)
        cost = {"fit_seconds": seconds, **asdict(method.cost(case))}
        if first:
            cost["latency"] = self._latency(name, seed, album.eraser)
        self._score(name, seed, album, cost)

    def _latency(self, name: str, seed: int, eraser: Eraser) -> float:
        """How many times as long as the base it draws a batch of as many forgotten as unseen prompts.

        Both side by side, the median of three.
        """
        if known := self._latency_known(name, seed):
            return known
        table, half = self.strata[0], self.job.sampling.batch // 2
        rows = pd.concat(
            [
                part.iloc[:half]
                for _, part in table[table["group"].isin(("forgotten", "unseen", "trained"))].groupby(
                    "group", sort=False
                )
            ][:2]
        )
        prompts, seeds = list(rows["prompt"]), list(rows["seed"])
        ratios = []
        for _ in range(3):
            times = []
            for drawing in (eraser, self.bare.eraser):
                began = time.perf_counter()
                for _batch in drawing.draw(prompts, seeds):
                    pass
                times.append(time.perf_counter() - began)
            ratios.append(times[0] / times[1])
        return float(np.median(ratios))

    def _latency_known(self, name: str, seed: int) -> float | None:
        path = self._path(name, seed)
        known: float | None = json.loads(path.read_text(encoding="utf-8")).get("latency") if path.exists() else None
        return known

    def _scored(self, name: str, seed: int, album: Album) -> bool:
        """Whether these very pictures have been scored, by these judges."""
        path = self._path(name, seed)
        return path.exists() and json.loads(path.read_text(encoding="utf-8")).get("scored") == self._scoring(album)

    def _scoring(self, album: Album) -> str:
        """A hash of everything that shapes the scores."""
        prompts, judges = self.strata[0].to_csv(index=False), [each and each.name for each in (self.judge, self.clip)]
        shaping = [album.eraser.identity, prompts, *judges, digest(SCORERS)]
        return hashlib.sha256(json.dumps(shaping).encode()).hexdigest()

    def _score(self, name: str, seed: int, album: Album, cost: Mapping[str, float]) -> None:
        table, missing = self.strata
        kind, judge = self.job.concepts.sort, self.judge
        now, before = (readings(judge, _pictures(of, table)) if judge else None for of in (album, self.bare))
        moved = drifts(_pictures(album, table), _pictures(self.bare, table))
        scores = score_groups(table, now, before, moved, kind.faces, judge.known if judge else None)
        found = {
            "method": name,
            "seed": seed,
            "base": self.job.base.name,
            "eraser": album.eraser.identity,
            "scored": self._scoring(album),
            **({"judge": judge.name} if judge else {"judge": None, "unjudged": True}),
            "clip": self.clip.name if self.clip else None,
            "n": self.job.prompts.per_role,
            **cost,
            "fidelity": asdict(self._fidelity(album)),
            "missing_strata": missing,
            "strata": {stratum: score.told() for stratum, score in scores.items()},
            "summary": summary(scores, kind.general),
        }
        write_text(self._path(name, seed), json.dumps(found, indent=2) + "\n")

    def _fidelity(self, album: Album) -> Fidelity:
        """Of the pictures of prompts in which nothing must go."""
        rows = self.strata[0].query("erased == ''")
        return compare_albums(album, self.bare, list(rows["prompt"]), list(rows["seed"]), self.clip, self.judge)

    def _path(self, name: str, seed: int) -> Path:
        return self.folder / f"{name}-{seed}-n{self.job.prompts.per_role}.json"


def _fitted(part: Fit, case: Case, label: str) -> Iterator[Progress]:
    """Fit what is not fitted yet; its seconds are added up over interruptions."""
    before, began, fitted = case.spent(part.fits), time.monotonic(), False
    try:
        for step in part.fit(case):
            fitted = True
            yield Progress(f"{label}: fitting", step.step, step.steps)
    finally:
        if fitted:
            write_text(case.seconds(part.fits), str(before + time.monotonic() - began))


def _drawn(part: str, album: Album, table: pd.DataFrame, bare: Album | None = None) -> Iterator[Progress]:
    for done in album.draw(list(table["prompt"]), list(table["seed"]), bare):
        yield Progress(part, done, len(table))


def _pictures(album: Album, rows: pd.DataFrame) -> Iterator[np.ndarray]:
    return album.batches(list(rows["prompt"]), list(rows["seed"]))
