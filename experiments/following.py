"""Paths of H and of SGD from one start: each made once and kept; and what is measured of them.

A guard's own Trainer trains H, and the loss that SGD walks on is the trainer's (walking.py).
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from development import development_job, development_strata, first, judge_of, material_of, overridden, pictures
from paths import apart, flat, length, nearest, shaped, slopes_alike
from safetensors.torch import load_file
from walking import Batch, Objective, into_range, walk

from unhype.adapters.lora import Factors
from unhype.adapters.watching import attach
from unhype.erasing import trainer
from unhype.erasing.fitting import fit_to_set
from unhype.erasing.heads import Through
from unhype.erasing.hypernet import A0_LENGTH, Hypernet
from unhype.erasing.losses import guided_target
from unhype.erasing.phrases import reader
from unhype.erasing.trainer import Trainer, TrainingSettings
from unhype.evaluation.scores import score_groups
from unhype.families.family import Family
from unhype.files import write_tensors
from unhype.pipeline import job as jobs
from unhype.pipeline import making
from unhype.prompts.tables import training_tables

QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of S at which paths are looked at."""


@dataclass(frozen=True)
class Walk:
    """One run of SGD: its target, seed and rows of each concept in a step."""

    target: str
    seed: int
    rows: int


@dataclass(frozen=True)
class Emitted:
    """One hypernetwork: its target, settings that differ, whether slopes are matched at every s alike, and
    whether H begins at rest: an output layer of zeros emits the start at every s."""

    target: str
    changes: tuple[str, ...]
    evenly: bool = False
    at_rest: bool = False


@dataclass(frozen=True)
class Line:
    """A null: straight from the start to where the mean walk ends, by so much of the way."""

    target: str
    reach: float


Part = Walk | Emitted | Line


class Evenly(Trainer[Hypernet]):
    """Matches slopes at every s alike; for the whole target, which does not depend on s.

    The trainer draws s from 1 on, and half of the time S: it never sees the first step, and most often the last.
    """

    def _matching(self, read: Any, s: torch.Tensor, task: Any) -> torch.Tensor:
        return super()._matching(read, torch.randint(self.settings.hypernet.steps, s.shape, device=s.device), task)


@contextmanager
def aiming_at(target: str) -> Iterator[None]:
    """Trainers in this context have this target."""

    def whole(concept: torch.Tensor, anchor: torch.Tensor, gamma: float, share: torch.Tensor) -> torch.Tensor:
        return guided_target(concept, anchor, gamma, torch.ones_like(share))

    with mock.patch.object(trainer, "guided_target", {"moving": guided_target, "whole": whole}[target]):
        yield


class Bench:
    """Base, concepts and loss, the same for all paths; every path is made once and kept."""

    def __init__(self, training: TrainingSettings, concepts: int, n: int, build: Path) -> None:
        S, schedule = training.hypernet.steps, training.schedule
        name = f"{concepts}-S{S}-eta{training.eta:g}-{schedule.steps}x{schedule.batch}"
        self.training, self.folder = training, build / "trajectory" / name
        self.job = development_job(n, training, first(concepts), build)
        self.family: Family = jobs.load_base(self.job)
        self.names = [entry.concept for entry in self.job.concepts.forget]
        tables = training_tables(self.job.concepts)
        # Names alone, in whose prompts nobody else appears; nobody is kept, since the switch sees to that.
        tables = {**tables, "pairs": tables["pairs"].iloc[:0], "retain": tables["retain"].iloc[:1]}
        switch = fit_to_set(self.family, self.job.concepts)
        self.material = material_of(self.job, self.family, tables, switch)
        self.read = reader(self.family.vectors, switch)(self.names)
        owner = tables["train"]["concept"].to_numpy()
        self.objective = Objective(
            self.family, training, self.material, [np.flatnonzero(owner == name) for name in self.names]
        )

    def hypernet(self, settings: TrainingSettings, at_rest: bool = False) -> Hypernet:
        """An untrained H; A0 is the same for all heads."""
        made = Hypernet(settings.hypernet, self.family.sites, self.family.width).bind(self.family.denoiser)
        drawn = torch.Generator().manual_seed(0)
        for A0 in made.A0:
            A0.data.copy_(A0_LENGTH * torch.randn(A0.shape, generator=drawn) / math.sqrt(A0.shape[1]))
        if at_rest:
            for weight in made.head.parameters():
                weight.data.zero_()
        return made

    @torch.no_grad()
    def emitted(self, hypernet: Hypernet) -> torch.Tensor:
        """The path of each concept by its bare name, ``[S + 1, k, D]``."""
        c, opened = self.read.c[:, 0], self.read.opened[:, 0]
        steps = range(hypernet.config.steps + 1)
        return torch.stack([flat(hypernet(c, torch.full((len(c),), s), opened)) for s in steps])

    @cached_property
    def start(self) -> dict[str, Factors]:
        """H(c, 0)."""
        c = self.read.c[:, 0]
        with torch.no_grad():
            made: dict[str, Factors] = self.hypernet(self.training)(c, torch.zeros(len(c)), self.read.opened[:, 0])
        return made

    @cache  # noqa: B019 -- one bench, as long as the program
    def batch(self, seed: int, s: int, rows: int) -> Batch:
        """Drawn once: walks of one seed see the same rows, noise and times."""
        return self.objective.draw(rows, np.random.default_rng([seed, s]))

    def share(self, target: str, s: int) -> float:
        """How far a target has gone at step s."""
        return s / self.training.hypernet.steps if target == "moving" else 1.0

    def file(self, name: str) -> Path:
        """Where what belongs to a path is kept."""
        return self.folder / re.sub(r"\W+", "-", name)

    def path(self, name: str, part: Part) -> tuple[torch.Tensor, float]:
        """The path, made if it is not there; and seconds of CPU for each of its steps, 0 where none was done now."""
        file = self.file(name).with_suffix(".safetensors")
        if not file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            began = time.process_time()
            if isinstance(part, Line):
                mean = load_file(self.file(f"{part.target}: SGD, mean").with_suffix(".safetensors"))["path"]
                way, done = torch.linspace(0, part.reach, len(mean))[:, None, None], 0
                path = mean[:1] + way * (mean[-1] - mean[0])
            elif isinstance(part, Walk):
                path, done = self.walked(part), self.training.hypernet.steps
            else:
                path, done = self.trained(part, file.with_suffix(".training"))
            seconds = (time.process_time() - began) / done if done else 0.0
            write_tensors(file, {"path": path, "seconds": torch.tensor(seconds)}, {})
        found = load_file(file)
        return found["path"], float(found["seconds"])

    def walked(self, part: Walk) -> torch.Tensor:
        def slope(theta: Mapping[str, Factors], s: int) -> torch.Tensor:
            batch = self.batch(part.seed, s, part.rows)
            return self.objective.slope(theta, batch, self.share(part.target, s))

        return walk(self.start, slope, self.training.hypernet.steps, self.training.eta)

    def trained(self, part: Emitted, checkpoint: Path) -> tuple[torch.Tensor, int]:
        """The path of a trained H; and how many steps this process has done."""
        settings, steps = overridden(self.training, part.changes), 0
        kind = Evenly if part.evenly else Trainer
        with aiming_at(part.target):
            made = kind(self.family, settings, self.material, partial(self.hypernet, settings, part.at_rest))
            curve = []
            for report in made.run(checkpoint):
                steps += 1
                curve.append(report.telemetry)
                if steps % 50 == 0:
                    means = {k: f"{np.mean([each[k] for each in curve[-50:]]):.4g}" for k in report.telemetry}
                    print(f"  {report.step}/{report.steps} {means}", flush=True)
        return self.emitted(made.emitter), steps

    # ------------------------------------------------------------ what is measured

    def measure(self, name: str, part: Part, mean: torch.Tensor, drawn: bool) -> dict[str, Any]:
        """All figures of one path beside the mean walk on the same target, of as many steps; means over concepts."""
        path, seconds = self.path(name, part)
        S = len(path) - 1
        mean, places = mean[: S + 1], [round(share * S) for share in QUARTERS]
        far, chord = apart(path, mean), path[-1] - path[0]
        near, off = zip(*(nearest(path[s], mean) for s in places), strict=True)
        head = self.hypernet(self.training).head
        assert isinstance(head, Through)
        within = into_range(head, self.start)
        found = {
            "name": name,
            "target": part.target,
            "kind": "H" if isinstance(part, Emitted) else "SGD",
            "S": S,
            "seconds_a_step": seconds,
            "length": float(length(path).mean()),
            "far": [float(far[s].mean()) for s in places],
            "spread": float(far[-1].std()),
            "off": [float(each.mean()) for each in off],
            "nearest": [float(each.float().mean()) / S for each in near],
            "moved": float((chord.norm(dim=-1) / (mean[-1] - mean[0]).norm(dim=-1)).mean()),
            "chord": float(torch.cosine_similarity(chord, mean[-1] - mean[0], dim=-1).mean()),
            "first_step": float(((path[1] - path[0]).norm(dim=-1) / (mean[1] - mean[0]).norm(dim=-1)).mean()),
            "in_range": float((within(chord).norm(dim=-1) / chord.norm(dim=-1).clamp(min=1e-12)).mean()),
            "remaining": self.remaining(path, places),
            **self.alike(path, part.target),
        }
        if drawn:
            found["shown"] = [self.shown(path[s]) for s in places[2::2]]
        return found

    def remaining(self, path: torch.Tensor, places: list[int]) -> list[float]:
        """What is left of the loss at these steps, in fresh rows."""
        batch = self.batch(200, 0, 6)
        return [float(self.objective.remaining(shaped(path[s], self.start), batch).mean()) for s in places]

    def alike(self, path: torch.Tensor, target: str) -> dict[str, list[float]]:
        """Cosine and ratio of the path's own steps with those that SGD would take from the same points."""
        S, told = len(path) - 1, []
        for s in (S // 6, S // 2, 5 * S // 6):
            theta, share = shaped(path[s], self.start), self.share(target, s)
            halves = [
                -self.training.eta * self.objective.slope(theta, self.batch(seed, s, 4), share) for seed in (300, 301)
            ]
            told.append([float(each.median()) for each in slopes_alike(path[s + 1] - path[s], halves)])
        return {"cosine": [cosine for cosine, _ in told], "ratio": [ratio for _, ratio in told]}

    @cached_property
    def asked(self) -> tuple[Any, np.ndarray]:
        """Prompts of the names alone, and the base's pictures of them."""
        table = development_strata(self.job)
        table = table[table["group"] == "forgotten"].reset_index(drop=True)
        return table, pictures(making.bare_album(self.job, self.family), table)

    def shown(self, points: torch.Tensor) -> float:
        """Share of pictures that still show the name, with each name's own LoRA."""
        table, before = self.asked
        factors = shaped(points, self.start)

        def read(_: Family, rows: Any) -> list[int | None]:
            return [next((i for i, n in enumerate(self.names) if any(n in text for text in row)), None) for row in rows]

        def emit(_: Family, rows: Any) -> dict[str, Factors]:
            chosen = torch.tensor(list(rows))
            return {name: Factors(f.A[chosen], f.B[chosen]) for name, f in factors.items()}

        undo = attach(self.family, read, emit, self)
        try:
            asked = list(table["prompt"]), list(table["seed"])
            after = np.concatenate(list(self.family.draw(*asked, self.job.sampling)))
        finally:
            undo()
        judge, drift = judge_of(self.job), np.abs(before.astype(int) - after).mean((1, 2, 3)) / 255
        found = score_groups(table, judge.read(after), judge.read(before), drift, faces=True)["forgotten"].must_go
        return float("nan") if found is None else float(found)
