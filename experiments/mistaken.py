"""What becomes of somebody who is taken for a forgotten one: are they still drawn under that one's LoRA?

A monitor mistakes a few people for forgotten ones, and their pictures begin again with a LoRA that is not theirs. Names
that training never saw (development.py) are drawn by the bare base and, from the same seeds, under the LoRA of a
forgotten name: one that is drawn by lot, and the one that lies nearest to theirs in the switch's geometry. Kept is the
share of those whom the judge knows in the first and in the second.

.venv/bin/python experiments/mistaken.py --variant --variant hypernet.rank=4
.venv/bin/python experiments/mistaken.py --model build/guards/NAME        the names that it was taught to keep
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import torch
from asking import parser, variants
from development import job_of_guard, judge_of, pictures, shown_in, trained
from drawing import drawn

from unhype.adapters.lora import Factors
from unhype.adapters.watching import attach
from unhype.erasing.fitting import own_vectors
from unhype.erasing.guard import Guard
from unhype.erasing.hypernet import Hypernet
from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.gates.intervals import wilson
from unhype.pipeline import job as jobs
from unhype.pipeline import making
from unhype.pipeline.job import Job
from unhype.prompts.templates import DEVELOPMENT
from unhype.terminal import quiet

SEED = 39_000_000
"""First of these pictures; nothing else has them."""


def main() -> None:
    asked = parser(__doc__, "--base", "--set", "--variant", "--forget", "--build")
    asked.add_argument("--n", type=int, default=250, help="pictures (default: %(default)s)")
    asked.add_argument("--model", help="a guard that is there; its list's retained names are drawn")
    options = asked.parse_args()
    quiet()
    print("| variant | n | by lot: kept, of those whom the base draws (95 %) | the nearest |\n|---|---|---|---|")
    for label, job, guard in _guards(options):
        names = job.concepts.retain if options.model else job.concepts.evaluation
        family = jobs.load_base(job)
        n, kept = _kept(job, family, guard or trained(job, family), list(names), options.n)
        told = (f"{share:.3f} [{low:.2f}, {high:.2f}]" for share in kept for low, high in [wilson(share, n)])
        print(f"| {label} | {n} | {' | '.join(told)} |", flush=True)


def _guards(options: argparse.Namespace) -> Iterator[tuple[str, Job, Guard | None]]:
    """A row each; None: to be trained."""
    if not options.model:
        yield from ((*row, None) for row in variants(options))
        return
    guard = Guard.load(options.model, ungated=True)
    yield guard.trained.facts["sha256"][:8], job_of_guard(guard), guard


def _kept(job: Job, family: Family, guard: Guard, names: Sequence[str], n: int) -> tuple[int, list[float]]:
    """How many the base draws, and the share of them that are still there under either LoRA."""
    switch = guard.trained.switch
    if switch is None:
        raise UnhypeError("got a guard without a switch, wanted one with: nobody is taken for anybody without")
    judge, table = judge_of(job), _table(names, n)
    prompts, seeds = list(table["prompt"]), list(table["seed"])
    who = list(table["name"])
    before = shown_in(judge, pictures(making.bare_album(job, family), table), who)
    c = own_vectors(family, job.concepts, switch)
    nearest = switch.similarity(family.vectors(who)).argmax(1)
    kept = []
    for taken_for in (np.random.default_rng(0).integers(len(c), size=len(table)), nearest.numpy()):
        told = dict(zip(prompts, c[taken_for], strict=True))
        detach = attach(family, _reading(told), _emitting(guard.trained.hypernet), guard)
        try:
            after = shown_in(judge, drawn(family, prompts, seeds, job.sampling), who)
        finally:
            detach()
        kept.append(float(after[before].mean()))
    return int(before.sum()), kept


def _table(names: Sequence[str], n: int) -> pd.DataFrame:
    """Columns ``name``, ``prompt``, ``seed``; no prompt stands twice."""
    frames = list(chain.from_iterable(DEVELOPMENT.values()))
    rows = [(name := names[i % len(names)], frames[(i + i // len(names)) % len(frames)].format(name)) for i in range(n)]
    table = pd.DataFrame(rows, columns=["name", "prompt"]).assign(seed=range(SEED, SEED + n))
    return table.drop_duplicates("prompt", ignore_index=True)


def _reading(told: Mapping[str, torch.Tensor]) -> Callable[[Any, Sequence[tuple[str, ...]]], list[torch.Tensor]]:
    return lambda family, rows: [told[row[0]] for row in rows]


def _emitting(hypernet: Hypernet) -> Callable[[Any, Sequence[torch.Tensor]], Mapping[str, Factors]]:
    @torch.no_grad()
    def emit(family: Family, said: Sequence[torch.Tensor]) -> Mapping[str, Factors]:
        whole = torch.full((len(said),), hypernet.config.steps, device=family.device)
        emitted: Mapping[str, Factors] = hypernet.to(family.device).bind(family.denoiser)(torch.stack([*said]), whole)
        return emitted

    return emit


if __name__ == "__main__":
    main()
