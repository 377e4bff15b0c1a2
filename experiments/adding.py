"""Ten concepts more, without the training data of the others: what does it cost, and are the others still forgotten?

Measured by predicted noise (company.py), and by pictures and their judge.

The first 90 names of the development set (development.py) are trained. Then ten are added to that guard, with prompts
and base pictures of the ten alone. The switch gets their centres in the old geometry. What happens to the hypernetwork:

    untrained            nothing
    trained on alone     the same training goes on, on the ten
    rehearsed            the same, and of the old concepts it must still answer what it answered before

Rehearsal needs no old data. The switch holds what H reads of each old concept, the vector of its own name. Where H
reads phrases (training.canonical: false), it knows where they lie, and rehearsal draws

    c = mean + (ρ·centre + noise)·whitening⁻¹

where ρ is the length of the new concepts' whitened vectors, and the noise has unit variance, as within a name.

PYTHONPATH=experiments .venv/bin/python experiments/adding.py --steps 200
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from company import error, latents_of_pairs
from development import (
    BUILD,
    development_job,
    development_set,
    development_strata,
    judge_of,
    material_of,
    of_base,
    pictures,
    seconds,
    trained,
)
from torch.nn.functional import normalize

from unhype.adapters.lora import Factors
from unhype.erasing.fitting import own_vectors
from unhype.erasing.guard import Guard
from unhype.erasing.guarded import Guarded
from unhype.erasing.hypernet import Hypernet
from unhype.erasing.switch import Switch
from unhype.erasing.trainer import Trainer
from unhype.evaluation.album import Album
from unhype.evaluation.scores import score_groups
from unhype.families.family import Family
from unhype.pipeline import job as jobs
from unhype.pipeline import making
from unhype.pipeline.job import Job
from unhype.prompts.tables import training_tables
from unhype.terminal import quiet

OLD = 90


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--weight", type=float, default=1.0, help="of the rehearsal")
    parser.add_argument("--build", type=Path, default=BUILD)
    options = parser.parse_args()
    quiet()
    whole = development_set()
    old, new, both = (
        development_job(400, concepts=replace(whole, forget=forget), build=options.build)
        for forget in (whole.forget[:OLD], whole.forget[OLD:], whole.forget)
    )
    family = jobs.load_base(both)
    before, together = trained(old, family), trained(both, family)
    row = partial(_row, family, both, development_strata(both), latents_of_pairs(both, family))
    asked = [f"{who}, {where}" for who in ("old", "new") for where in ("alone", "beside somebody")]
    header = [
        "guard",
        "training, s",
        *asked,
        "new, alone: shown",
        "beside somebody: shown",
        "company kept of base",
        "unseen that open the switch",
    ]
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    print(row(f"{OLD} names", seconds(old), before), flush=True)
    began = time.monotonic()
    opened, radius = _opened(before, new, family)
    print(row("ten added, untrained", time.monotonic() - began, opened), flush=True)
    for label, weight in (("ten added, trained on alone", 0.0), ("ten added, rehearsed", options.weight)):
        began = time.monotonic()
        guard = _taught(opened, before, radius, new, family, options.steps, weight)
        print(row(label, time.monotonic() - began, guard), flush=True)
    print(row("all 100 at once", seconds(both), together), flush=True)


def _opened(guard: Guard, job: Job, family: Family) -> tuple[Guard, float]:
    """The guard with the new names' centres as the old switch sees them, and how long their whitened vectors are."""
    old = guard.trained.switch
    assert old is not None
    names = tuple(entry.concept for entry in job.concepts.forget)
    prompts = training_tables(job.concepts)["train"].groupby("concept", sort=False)["prompt"].apply(list)
    white = [(family.vectors(prompts[name]) - old.mean) @ old.whitening for name in names]
    centres = torch.stack([normalize(normalize(each, dim=-1).mean(0), dim=-1) for each in white])
    switch = replace(old, concepts=(*old.concepts, *names), centres=torch.cat([old.centres, centres]), canonical=None)
    if old.canonical is not None:
        own = own_vectors(family, job.concepts, switch)
        switch = replace(switch, canonical=torch.cat([old.canonical, own]))
    return Guard(replace(guard.trained, switch=switch)), float(torch.cat(white).norm(dim=-1).mean())


def _taught(guard: Guard, before: Guard, radius: float, job: Job, family: Family, steps: int, weight: float) -> Guard:
    """The guard after a training on the new names, which rehearses what the one before answered if that has weight."""
    assert before.trained.switch is not None
    material = material_of(job, family, training_tables(job.concepts), guard.trained.switch)
    settings = replace(
        job.training, schedule=replace(job.training.schedule, steps=steps, rate=job.training.schedule.rate / 2)
    )
    hypernet = copy.deepcopy(guard.trained.hypernet)
    for name, parameter in hypernet.named_parameters():
        parameter.requires_grad_(not name.startswith("A0"))  # a loaded guard is frozen
    trainer = _Rehearsing(family, settings, material, lambda: hypernet.bind(family.denoiser))
    trainer.remember(
        copy.deepcopy(before.trained.hypernet).bind(family.denoiser), before.trained.switch, radius, weight
    )
    with tempfile.TemporaryDirectory() as folder:
        for _report in trainer.run(Path(folder) / "training.safetensors"):
            pass
    return Guard(replace(guard.trained, hypernet=trainer.emitter))


class _Rehearsing(Trainer[Hypernet]):
    """Training that also asks H for what it answered before."""

    def remember(self, teacher: Hypernet, switch: Switch, radius: float, weight: float) -> None:
        self.teacher, self.old, self.radius, self.weight = teacher.eval(), switch, radius, weight
        self.unwhitening = torch.linalg.inv(switch.whitening)

    def _loss(self, step: int, rng: np.random.Generator) -> torch.Tensor:
        loss = super()._loss(step, rng)
        return loss + self.weight * self._rehearsal(rng) if self.weight else loss

    def _rehearsal(self, rng: np.random.Generator, n: int = 64) -> torch.Tensor:
        """‖H(c, s) − H_before(c, s)‖² / ‖H_before(c, s)‖² over both factors of every site."""
        chosen = torch.from_numpy(rng.integers(len(self.old.centres), size=n))
        if self.old.canonical is not None:
            c = self.old.canonical[chosen]
        else:
            noise = torch.from_numpy(rng.standard_normal((n, self.old.centres.shape[1]), dtype=np.float32))
            c = self.old.mean + (self.radius * self.old.centres[chosen] + noise) @ self.unwhitening
        s = torch.from_numpy(rng.integers(1, self.settings.hypernet.steps + 1, size=n))
        with torch.no_grad():
            before = self.teacher(c, s)
        now = self.emitter(c, s)
        return ((_flat(now) - _flat(before)) ** 2).sum() / (_flat(before) ** 2).sum()


def _flat(factors: dict[str, Factors]) -> torch.Tensor:
    return torch.cat([part.flatten(1) for each in factors.values() for part in (each.A, each.B)], 1)


def _row(
    family: Family, job: Job, table: pd.DataFrame, latents: torch.Tensor, label: str, took: float, guard: Guard
) -> str:
    old = table["erased"].isin([entry.concept for entry in job.concepts.forget[:OLD]])
    rows = [
        table[(table["group"] == stratum) & who]
        for who in (old, ~old)
        for stratum in ("forgotten", "forgotten_and_retained")
    ]
    errors = " | ".join(f"{error(family, partial(guard.factors, family), latents, part):.3f}" for part in rows)
    asked = pd.concat(rows[2:], ignore_index=True)
    bare, judge = making.bare_album(job, family), judge_of(job)
    with tempfile.TemporaryDirectory() as folder:
        before, after = (
            pictures(bare, asked),
            pictures(Album(Path(folder), Guarded(family, guard, job.sampling)), asked),
        )
    alone, mixed = score_groups(asked, judge.read(after), judge.read(before), np.zeros(len(asked)), faces=True).values()
    shown = f"{alone.must_go:.3f} | {mixed.must_go:.3f} | {of_base(mixed):.3f}"
    unseen = list(table[table["group"] == "unseen"]["prompt"])
    opened = float((~guard.read(family, unseen).untouched).float().mean())
    return f"| {label} | {took:.0f} | {errors} | {shown} | {opened:.3f} |"


if __name__ == "__main__":
    main()
