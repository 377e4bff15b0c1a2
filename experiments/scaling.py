"""What do more concepts cost? One hypernetwork for N of them, beside one static LoRA for each.

Measured by predicted noise (company.py). The first N names of the development set (development.py) are forgotten. At
200 the names that it keeps are forgotten too, and nobody is kept. A static LoRA is trained on one name's own prompts,
in which nobody else appears. So it is asked about prompts with its name alone; the figure is the mean of three names.

PYTHONPATH=experiments .venv/bin/python experiments/scaling.py --concepts 1 10 50 100 200 --steps 100 200
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from company import error, latents_of_pairs
from development import (
    BUILD,
    development_job,
    development_set,
    development_strata,
    first,
    material_of,
    seconds,
    settings,
    trained,
)

from unhype.adapters.lora import Factors
from unhype.baselines.adapters import Bank
from unhype.concepts.schema import ConceptSet
from unhype.erasing.trainer import Trainer
from unhype.pipeline import job as jobs
from unhype.pipeline.job import Job
from unhype.prompts.tables import training_tables
from unhype.terminal import quiet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--concepts", nargs="+", type=int, default=[1, 10, 50, 100, 200])
    parser.add_argument("--steps", nargs="+", type=int, default=[100, 200])
    parser.add_argument("--static", nargs="*", type=int, default=[50, 100], help="steps of a static LoRA")
    parser.add_argument("--build", type=Path, default=BUILD)
    options = parser.parse_args()
    quiet()
    usual = settings().training
    print("| what | concepts | steps | minutes of training | alone | beside somebody |\n|---|---|---|---|---|---|")
    for n in options.concepts:
        for steps in options.steps:
            training = replace(usual, schedule=replace(usual.schedule, steps=steps))
            cells = _hypernetwork(development_job(400, training, first(n), options.build))
            print(f"| hypernetwork | {n} | {steps} | {' | '.join(cells)} |", flush=True)
    for steps in options.static:
        training = replace(usual, retained=0, switch=False, schedule=replace(usual.schedule, steps=steps))
        found = [_static(development_job(48, training, only(k), options.build)) for k in range(3)]
        minutes, errors = np.mean(found, axis=0)
        print(f"| a static LoRA | 1 | {steps} | {minutes:.2f} | {errors:.3f} | – |", flush=True)


def only(k: int) -> ConceptSet:
    """The development set's k-th name, and nobody to keep."""
    whole = development_set()
    return replace(whole, forget=whole.forget[k : k + 1], retain=(), evaluation=())


def _hypernetwork(job: Job) -> Iterator[str]:
    family = jobs.load_base(job)
    guard, table = trained(job, family), development_strata(job)
    latents = latents_of_pairs(job, family)
    yield f"{seconds(job) / 60:.2f}"
    for stratum in ("forgotten", "forgotten_and_retained"):
        rows = table[table["group"] == stratum]
        yield f"{error(family, partial(guard.factors, family), latents, rows):.3f}" if len(rows) else "–"


def _static(job: Job) -> tuple[float, float]:
    family = jobs.load_base(job)
    material = material_of(job, family, training_tables(job.concepts))
    trainer, began = (
        Trainer(family, job.training, material, lambda: Bank(job.training.hypernet, family.sites)),
        time.monotonic(),
    )
    with tempfile.TemporaryDirectory() as folder:
        for _report in trainer.run(Path(folder) / "training.safetensors"):
            pass
    minutes = (time.monotonic() - began) / 60

    def emit(prompts: list[str]) -> dict[str, Factors]:
        whole = torch.full((len(prompts),), job.training.hypernet.steps, device=family.device)
        return trainer.emitter(family.vectors(prompts), whole)

    table = development_strata(job)
    return minutes, error(family, emit, latents_of_pairs(job, family), table[table["group"] == "forgotten"])


if __name__ == "__main__":
    main()
