"""At which times should a guard of a flow model be trained? Shares of noise drawn by several rules.

Measured by predicted noise (company.py), at the times that company.py asks about, whatever was trained on. A rule draws
a share x of the noise, and the time is ``earliest`` + (1 − ``earliest``) · x:

    own            the family's: of a flow uniform in the sampler's steps, shifted as they are for the picture's size
    uniform        x uniform in 0 … 1
    logit_normal   x = 1 / (1 + exp(−N(0, 1))), as bases are pretrained (Esser et al. 2024, equation 19)
    shift K        x = K·u / (1 + (K − 1)·u), u uniform: more noise for K above 1

.venv/bin/python experiments/times.py --base mini-flux --forget 20 --rules own uniform logit_normal --shifts 2 3
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from asking import job_of, parser
from company import error, latents_of_pairs
from development import development_strata, material_of, overridden

from unhype.adapters.lora import Factors
from unhype.erasing.fitting import fit_to_set
from unhype.erasing.hypernet import Hypernet
from unhype.erasing.phrases import reader
from unhype.erasing.trainer import Trainer
from unhype.families.family import Family
from unhype.pipeline import job as jobs
from unhype.pipeline.job import Job
from unhype.prompts.tables import training_tables
from unhype.terminal import quiet

Rule = Callable[[int, np.random.Generator], np.ndarray]
"""(n, generator) → n shares of the noise."""

RULES: dict[str, Rule] = {
    "uniform": lambda n, rng: rng.random(n),
    "logit_normal": lambda n, rng: 1 / (1 + np.exp(-rng.standard_normal(n))),
}
ASKED = ("forgotten", "alias", "forgotten_and_retained")


def main() -> None:
    asked = parser(__doc__, "--base", "--set", "--forget", "--build")
    asked.add_argument("--n", type=int, default=160, help="prompts of each kind, at most")
    asked.add_argument("--rules", nargs="*", choices=("own", *RULES), default=["own", *RULES])
    asked.add_argument("--shifts", nargs="*", type=float, default=[2.0, 3.0])
    asked.add_argument("--earliest", nargs="+", type=float, help="those of the settings where left out")
    options = asked.parse_args()
    quiet()
    job = job_of(options)
    rules: dict[str, Rule | None] = {rule: RULES.get(rule) for rule in options.rules}
    rules |= {f"shift {k:g}": partial(shifted, k) for k in options.shifts}
    print(f"| times | earliest | {' | '.join(f'{kind} (n)' for kind in ASKED)} |\n|{'---|' * (2 + len(ASKED))}")
    for name, rule in rules.items():
        for earliest in options.earliest or [job.training.earliest]:
            print(f"| {name} | {earliest:g} | {' | '.join(_row(job, rule, earliest))} |", flush=True)


def shifted(k: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Uniform shares, shifted."""
    u = rng.random(n)
    return k * u / (1 + (k - 1) * u)


def times_by(
    rule: Rule, family: Family, n: int, rng: np.random.Generator, earliest: float, law: str = ""
) -> torch.Tensor:
    """In place of the family's own :meth:`Family.times`; the rule is the law."""
    shares = earliest + (1 - earliest) * rule(n, rng)
    return torch.cat([family.time_at(float(share), 1) for share in shares])


def _row(job: Job, rule: Rule | None, earliest: float) -> list[str]:
    family, training = jobs.load_base(job), overridden(job.training, [f"earliest={earliest}"])
    switch = fit_to_set(family, job.concepts)
    trainer = Trainer(
        family,
        training,
        material_of(job, family, training_tables(job.concepts), switch),
        lambda: Hypernet(training.hypernet, family.sites, family.width).bind(family.denoiser),
    )
    own = family.times
    family.times = partial(times_by, rule, family) if rule else own  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        for _report in trainer.run(Path(folder) / "training.safetensors"):
            pass
    family.times = own  # type: ignore[method-assign]
    read = reader(family.vectors, switch)

    @torch.no_grad()
    def emit(prompts: list[str]) -> dict[str, Factors]:
        found = read([family.visible(prompt) for prompt in prompts])
        steps = torch.full((len(found) * found.phrases,), training.hypernet.steps, device=family.device)
        each = trainer.emitter(found.c.flatten(0, 1), steps, found.opened.flatten())
        return {name: factors.joined(found.phrases) for name, factors in each.items()}

    table, latents = development_strata(job), latents_of_pairs(job, family)
    rows = [table[table["group"] == stratum] for stratum in ASKED]
    return [f"{error(family, emit, latents, each):.3f} ({len(each)})" if len(each) else "–" for each in rows]


if __name__ == "__main__":
    main()
