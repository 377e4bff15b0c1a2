"""How many kept prompts should the static LoRA see?

With none it erases everybody else too, with a half it does nothing. Measured by predicted noise (company.py).

PYTHONPATH=experiments .venv/bin/python experiments/static.py --kept 0 0.05 0.1 0.25 0.5 --steps 400
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from company import error, latents_of_pairs
from development import development_job, development_strata, material_of, settings

from unhype.adapters.lora import Factors
from unhype.baselines.adapters import by_site
from unhype.baselines.case import Case
from unhype.baselines.static_lora import StaticLora
from unhype.baselines.unguide import repeated
from unhype.pipeline import job as jobs
from unhype.prompts.tables import training_tables
from unhype.terminal import quiet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kept", nargs="+", type=float, default=[0.0, 0.05, 0.1, 0.25, 0.5])
    parser.add_argument("--steps", type=int, default=400)
    options = parser.parse_args()
    quiet()
    usual = settings().training
    training = replace(usual, schedule=replace(usual.schedule, steps=options.steps))
    job = development_job(400, training)
    family, tables = jobs.load_base(job), training_tables(job.concepts)
    material = material_of(job, family, {**tables, "pairs": tables["pairs"].iloc[:0]})
    table, latents = development_strata(job), latents_of_pairs(job, family)
    print("| kept prompts in a step | forgotten: error | trained: change | unseen: change |\n|---|---|---|---|")
    for kept in options.kept:
        with tempfile.TemporaryDirectory() as folder:
            case = Case(
                family,
                job.base.hash,
                tables["train"],
                tables["retain"],
                material,
                job.sampling,
                0,
                Path(folder),
                {},
            )
            method = StaticLora(training, kept)
            for _step in method.fit(case):
                pass
            lora = by_site(case.fitted(method.fits), family.sites)

        def emit(prompts: list[str], lora: dict[str, Factors] = lora) -> dict[str, Factors]:
            return repeated(lora, len(prompts))

        with torch.no_grad():
            errors = [
                error(family, emit, latents, table[table["group"] == stratum])
                for stratum in ("forgotten", "trained", "unseen")
            ]
        print(f"| {kept:g} | {' | '.join(f'{each:.3f}' for each in errors)} |", flush=True)


if __name__ == "__main__":
    main()
