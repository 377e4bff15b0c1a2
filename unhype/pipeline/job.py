"""The main job, from a concept set to a trained guard: prompts, base pictures, training. Its scores are :mod:`unhype.pipeline.examination`'s.

Every part leaves plain files behind and skips what is there already, so a job that was stopped goes on:

    data/prompts/<set>/{train,retain,evaluation}.csv     data/images/<set>/<eraser>/…png
    build/guards/<set>-<hash>/{guard.safetensors,guard.json,curve.jsonl,scores.json,gallery.png}     data/scores/<set>.json
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import torch

from unhype.bases.cards import content_hash
from unhype.bases.loading import load_pipeline
from unhype.concepts.loading import load_set
from unhype.concepts.prompt_suite import validate_prompts
from unhype.concepts.results import ValidationResult
from unhype.concepts.schema import ConceptSet
from unhype.concepts.suite import validate_set
from unhype.eraser import Nothing
from unhype.erasing import fitting, material
from unhype.erasing.checkpoint import TENSORS, Trained, save, to_device
from unhype.erasing.guard import Guard
from unhype.erasing.hypernet import Hypernet
from unhype.erasing.trainer import StepReport, Trainer, TrainingSettings
from unhype.errors import UnhypeError
from unhype.evaluation.album import Album
from unhype.families.stable_diffusion import StableDiffusion
from unhype.judges.judge import check_known
from unhype.judges.miniature import MiniatureClip, MiniatureJudge
from unhype.pictures.sampling import Sampling
from unhype.prompts.tables import PromptSettings, training_tables, write_tables

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline


CURVE = "curve.jsonl"
"""A guard's training, a line a step; the first step's seconds count the switch and the reading of prompts."""


@dataclass(frozen=True)
class Job:
    """What is asked for, and where files are.

    Attributes:
        concepts: the set.
        base: name of a base below ``data/bases``.
        data: folder of bases, judges, prompts and images.
        build: folder of everything that can be made again.
    """

    concepts: ConceptSet
    base: str
    data: Path
    build: Path
    training: TrainingSettings
    prompts: PromptSettings
    sampling: Sampling

    @property
    def base_folder(self) -> Path:
        return self.data / "bases" / self.base

    @property
    def prompts_folder(self) -> Path:
        return self.data / "prompts" / self.concepts.name

    @property
    def images_folder(self) -> Path:
        return self.data / "images" / self.concepts.name

    @property
    def guard_folder(self) -> Path:
        """Named by everything that shapes the guard: a job that is run again finds its own checkpoint, another finds none."""
        return self.build / "guards" / f"{self.concepts.name}-{self.fingerprint[:12]}"

    @property
    def fingerprint(self) -> str:
        """A hash of everything that shapes the guard."""
        shaping = [
            self.concepts.content_hash(),
            content_hash(self.base_folder),
            asdict(self.training),
            asdict(self.sampling),
        ]
        return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Progress:
    """Where a part stands: ``done`` of ``total``; a training step carries its report."""

    part: str
    done: int
    total: int
    report: StepReport | None = None


def open_job(
    concepts: str,
    base: str,
    data: Path,
    build: Path,
    training: TrainingSettings,
    prompts: PromptSettings,
    sampling: Sampling,
) -> Job:
    """A job from names, checked as far as that costs nothing.

    Raises:
        UnhypeError: no such set or base, or concepts that the base's judge cannot tell.
    """
    if not (data / "bases" / base).is_dir():
        there = sorted(path.name for path in (data / "bases").glob("*") if path.is_dir())
        raise UnhypeError(
            f"got the base {base!r}, wanted one of {', '.join(there) or 'those in an empty folder'} in {data / 'bases'}"
        )
    job = Job(load_set(concepts, data / "concepts"), base, data, build, training, prompts, sampling)
    named = [entry.concept for entry in job.concepts.forget]
    check_known(
        judge_of(job),
        [*named, *(job.concepts.evaluation if job.concepts.kind == "people" else ())],
        f"the concept set {job.concepts.name}",
    )
    return job


def judge_of(job: Job) -> MiniatureJudge:
    """Who judges the pictures of this base."""
    folder = job.data / "judges" / "mini-judge"
    if job.base != "mini-sd":
        raise UnhypeError(
            f"got the base {job.base!r}, wanted mini-sd: there is no judge for other bases yet that tells names from photographs"
        )
    return MiniatureJudge(folder)


def clip_of(job: Job) -> MiniatureClip:
    """Whose embeddings say how alike sets of pictures are."""
    return MiniatureClip(job.data / "judges" / "mini-clip")


def validate(job: Job, pipeline: StableDiffusionPipeline) -> ValidationResult:
    """The concept set by every rule, tokens counted and likeness measured by the base itself: a retained concept that would open the switch is a warning."""
    family = StableDiffusion(pipeline)
    similarities, limit = fitting.likeness(family, job.concepts)
    return validate_set(job.concepts, lambda text: len(family.tokenizer(text).input_ids), similarities, limit)


def write_prompts(job: Job) -> dict[str, pd.DataFrame]:
    """All tables, also as files.

    Raises:
        UnhypeError: they break a rule: training and evaluation would share what they must not.
    """
    tables = write_tables(job.concepts, job.prompts, job.prompts_folder)
    rows = pd.concat(tables.values(), ignore_index=True).rename(columns={"group": "role"})
    result = validate_prompts(rows, job.concepts.name)
    if not result.ok:
        raise UnhypeError(result.first_error_line(job.prompts_folder))
    return tables


def train(job: Job, pipeline: StableDiffusionPipeline) -> Iterator[Progress]:
    """Draw what training needs, fit the switch, train the hypernetwork, write the guard."""
    if (job.guard_folder / "guard.json").exists():
        return
    tables, family = training_tables(job.concepts), StableDiffusion(pipeline)
    album = bare_album(job, pipeline)
    needed = material.pictures_needed(tables, job.training.pictures)
    for done in album.draw(list(needed["prompt"]), list(needed["seed"])):
        yield Progress("base pictures", done, len(needed))
    began = time.monotonic()
    switch = fitting.fit_to_set(family, job.concepts) if job.training.switch else None
    stuff = material.build_material(family, album, tables, needed, switch)
    trainer = Trainer(
        family,
        job.training,
        stuff,
        lambda: Hypernet(job.training.hypernet, family.sites, family.width).bind(family.unet),
    )
    job.guard_folder.mkdir(parents=True, exist_ok=True)
    with open(job.guard_folder / CURVE, "a", encoding="utf-8") as curve:
        for report in trainer.run(job.guard_folder / "training.safetensors"):
            now = time.monotonic()
            curve.write(
                json.dumps(
                    {"step": report.step, "seconds": round(now - began, 3), "loss": report.loss, **report.telemetry}
                )
                + "\n"
            )
            yield Progress("training", report.step, report.steps, report)
            began = now
    facts = {
        "concepts": job.concepts.name,
        "concepts_hash": job.concepts.content_hash(),
        "forget": [entry.concept for entry in job.concepts.forget],
        "base": job.base,
        "base_hash": content_hash(job.base_folder),
        "training": asdict(job.training),
        "sampling": asdict(job.sampling),
    }
    save(to_device(Trained(trainer.emitter, switch, facts), torch.device("cpu")), job.guard_folder)
    (job.guard_folder / "training.safetensors").unlink(missing_ok=True)


def read_curve(job: Job) -> list[dict[str, float]]:
    """What was measured in each training step, in order; of a step that was done twice, because a run was killed, the later."""
    path = job.guard_folder / CURVE
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    points = {point["step"]: point for point in map(json.loads, lines)}
    return [points[step] for step in sorted(points)]


def bare_album(job: Job, pipeline: StableDiffusionPipeline) -> Album:
    """The base's own pictures, shared by all jobs on it."""
    return Album(job.images_folder, Nothing(pipeline, content_hash(job.base_folder), job.sampling))


def load_base(job: Job) -> StableDiffusionPipeline:
    """The job's base, on a GPU where there is one."""
    pipeline: StableDiffusionPipeline = load_pipeline(job.base_folder).to(
        "cuda" if torch.cuda.is_available() else "cpu"
    )
    return pipeline


def guard_of(job: Job) -> Guard:
    """The trained guard."""
    if not (job.guard_folder / TENSORS).exists():
        raise UnhypeError(
            f"got no guard in {job.guard_folder}, wanted a trained one: run python flows/train_flow.py run --concepts {job.concepts.name}"
        )
    return Guard.load(job.guard_folder)
