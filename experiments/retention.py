"""Without a switch: can retention or a regulariser teach H to leave alone names that it never heard?

This is the paper's plain form. Measured by ‖ΔW‖ and by predicted noise, for these variants:

    names         prompts of the 50 names that training keeps: the plain form
    ×10           the same with ten times the weight
    a quarter     of the names to keep is kept
    decay         AdamW's weight decay 1 in place of 0.01
    noise         H reads c + σ·noise, σ half of each coordinate's scatter over the training prompts
    spectral      no matrix of the trunk has a spectral norm above 1
    between       kept too: c half way between a kept prompt and a forgotten one
    neighbours    kept too: a forgotten first name with a kept last name, and the other way round (hard negatives)
    words         kept too: sentences about words that are nobody's name
    all           between, neighbours and words
    words ×10     with ten times the weight

``change`` is company.py's error. 0 is best: of forgotten names, and of those that must stay too, where it is
‖ε_θ − ε*‖² over the same distance.

PYTHONPATH=experiments .venv/bin/python experiments/retention.py --n 160
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from company import error, latents_of_pairs
from development import development_job, development_strata, material_of, settings
from torch import nn
from torch.nn.utils import parametrize

from unhype.adapters.lora import Factors
from unhype.concepts.schema import ConceptSet
from unhype.erasing.hypernet import Hypernet, strength
from unhype.erasing.material import Material
from unhype.erasing.phrases import Reading
from unhype.erasing.trainer import Trainer, TrainingSettings
from unhype.evaluation.scores import separation
from unhype.families.family import Family
from unhype.pipeline import job as jobs
from unhype.pipeline.job import Job
from unhype.prompts.tables import training_tables
from unhype.prompts.templates import TRAINING
from unhype.terminal import quiet

VARIANTS = (
    "names",
    "×10",
    "a quarter",
    "decay",
    "noise",
    "spectral",
    "between",
    "neighbours",
    "words",
    "all",
    "words ×10",
)
WORDS = (
    "a lamp",
    "a violin",
    "a storm",
    "the harbour",
    "an orchard",
    "a letter",
    "a clock",
    "the market",
    "a bicycle",
    "a mirror",
    "a candle",
    "the library",
)
ASKED = ("forgotten", "trained", "unseen", "near_miss")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--retain", type=float, default=1.0, help="weight of the retention loss")
    parser.add_argument("--n", type=int, default=400, help="prompts of each kind, at most")
    options = parser.parse_args()
    quiet()
    usual = settings().training
    usual = replace(usual, switch=False, retain=options.retain, schedule=replace(usual.schedule, steps=options.steps))
    job = development_job(options.n, usual)
    family, tables = jobs.load_base(job), training_tables(job.concepts)
    material, latents = (
        material_of(job, family, {**tables, "pairs": tables["pairs"].iloc[:0]}),
        latents_of_pairs(job, family),
    )
    print(
        "| variant | forgotten: change | trained | unseen | near miss "
        "| AUC, forgotten against unseen | ‖ΔW‖ forgotten / trained / unseen |\n|" + "---|" * 7
    )
    for variant in options.variants:
        print(f"| {variant} | {' | '.join(_row(variant, usual, material, latents, family, job))} |", flush=True)


def _row(
    variant: str, usual: TrainingSettings, material: Material, latents: torch.Tensor, family: Family, job: Job
) -> list[str]:
    weight, decay = usual.retain * (10 if "×10" in variant else 1), 1.0 if variant == "decay" else usual.schedule.decay
    names = material.retained.c[
        : len(material.retained) // (4 if variant == "a quarter" else 1)
    ]  # they lie name by name
    kept = torch.cat([names, *(_also(kind, material, family, job.concepts) for kind in _kinds(variant))])
    stuff = replace(material, retained=Reading(kept, torch.ones(len(kept), 1)))
    trainer = _Plain(
        family,
        replace(usual, retain=weight, schedule=replace(usual.schedule, decay=decay)),
        stuff,
        lambda: _hypernet(variant, usual, family),
    )
    trainer.sigma = material.reading.c.std((0, 1)) / 2 if variant == "noise" else None
    with tempfile.TemporaryDirectory() as folder:
        for _report in trainer.run(Path(folder) / "training.safetensors"):
            pass

    def emit(prompts: Sequence[str]) -> dict[str, Factors]:
        return trainer.emitter(family.vectors(prompts), torch.full((len(prompts),), usual.hypernet.steps))

    table = development_strata(job)
    rows = {stratum: table[table["group"] == stratum] for stratum in ASKED}
    changes = [error(family, emit, latents, rows[stratum]) for stratum in ASKED]
    with torch.no_grad():
        lengths = {
            stratum: strength(emit(list(rows[stratum]["prompt"]))).numpy()
            for stratum in ("forgotten", "trained", "unseen")
        }
    apart = separation(lengths["forgotten"], lengths["unseen"])
    return [
        *(f"{each:.3f}" for each in changes),
        f"{apart:.4f}",
        " / ".join(f"{each.mean():.2f}" for each in lengths.values()),
    ]


def _kinds(variant: str) -> tuple[str, ...]:
    kinds = ("between", "neighbours", "words")
    return kinds if variant == "all" else tuple(kind for kind in kinds if kind in variant)


def _also(kind: str, material: Material, family: Family, concepts: ConceptSet) -> torch.Tensor:
    """Vectors to keep beside those of the list's names, ``[n, 1, d]``."""
    rng, templates = np.random.default_rng(0), list(chain.from_iterable(TRAINING.values()))
    if kind == "between":
        kept = material.retained.c
        return (kept + material.reading.c[torch.from_numpy(rng.integers(len(material.reading), size=len(kept)))]) / 2
    if kind == "words":
        return family.vectors([template.format(word) for word in WORDS for template in templates])[:, None]
    forgotten, kept_names = (
        [name.split() for name in names] for names in ([entry.concept for entry in concepts.forget], concepts.retain)
    )
    crossed = [
        f"{one[0]} {b[i % len(b)][-1]}"
        for a, b in ((forgotten, kept_names), (kept_names, forgotten))
        for i, one in enumerate(a)
    ]
    return family.vectors(
        [template.format(name) for i, name in enumerate(crossed) for template in templates[i % 4 :: 4]]
    )[:, None]


def _hypernet(variant: str, usual: TrainingSettings, family: Family) -> Hypernet:
    hypernet = Hypernet(usual.hypernet, family.sites, family.width).bind(family.denoiser)
    for layer in hypernet.trunk:
        if variant == "spectral" and isinstance(layer, nn.Linear):
            parametrize.register_parametrization(layer, "weight", _Bounded())
    return hypernet


class _Bounded(nn.Module):
    """A matrix whose largest singular value is at most 1."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", enabled=False):
            return weight / torch.linalg.matrix_norm(weight, 2).clamp(min=1)


class _Plain(Trainer[Hypernet]):
    """Training in which H may read a noised c."""

    sigma: torch.Tensor | None = None

    def _emit(self, read: Reading, s: torch.Tensor) -> dict[str, Factors]:
        if self.sigma is not None:
            read = Reading(read.c + self.sigma * torch.randn_like(read.c), read.opened)
        return super()._emit(read, s)


if __name__ == "__main__":
    main()
