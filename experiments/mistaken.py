"""What becomes of somebody who is taken for a forgotten one: are they still drawn under that one's LoRA?

A monitor mistakes a few people for forgotten ones, and their pictures begin again with a LoRA that is not theirs. Names
that training never saw (development.py) are drawn by the bare base and, from the same seeds, under the LoRA of a
forgotten name that is drawn by lot: kept is the share of those whom the judge knows in the first and in the second.

.venv/bin/python experiments/mistaken.py --variant --variant hypernet.rank=4
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import torch
from asking import parser, variants
from development import judge_of, pictures, trained
from drawing import drawn

from unhype.adapters.lora import Factors
from unhype.adapters.watching import attach
from unhype.erasing.fitting import own_vectors
from unhype.erasing.hypernet import Hypernet
from unhype.families.family import Family
from unhype.gates.intervals import wilson
from unhype.judges.judge import Judge
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
    options = asked.parse_args()
    quiet()
    print("| variant | n | kept, of those whom the base draws (95 %) |\n|---|---|---|")
    for label, job in variants(options):
        n, kept = _kept(job, options.n)
        low, high = wilson(kept, n)
        print(f"| {label} | {n} | {kept:.3f} [{low:.2f}, {high:.2f}] |", flush=True)


def _kept(job: Job, n: int) -> tuple[int, float]:
    """How many the base draws, and the share of them that are still there under somebody else's LoRA."""
    family, judge, table = jobs.load_base(job), judge_of(job), _table(job, n)
    prompts, seeds = list(table["prompt"]), list(table["seed"])
    before = _shown(judge, pictures(making.bare_album(job, family), table), table)
    guard = trained(job, family)
    c = own_vectors(family, job.concepts, guard.switch)[table["taken_for"].tolist()]
    told = dict(zip(prompts, c, strict=True))
    detach = attach(family, _reading(told), _emitting(guard.trained.hypernet), guard)
    try:
        after = _shown(judge, drawn(family, prompts, seeds, job.sampling), table)
    finally:
        detach()
    return int(before.sum()), float(after[before].mean())


def _table(job: Job, n: int) -> pd.DataFrame:
    """Columns ``name``, ``prompt``, ``taken_for`` (place of a forgotten one), ``seed``; no prompt stands twice."""
    frames, names = list(chain.from_iterable(DEVELOPMENT.values())), list(job.concepts.evaluation)
    lots = np.random.default_rng(0).integers(len(job.concepts.forget), size=n)
    rows = [
        (name := names[i % len(names)], frames[(i + i // len(names)) % len(frames)].format(name), lots[i])
        for i in range(n)
    ]
    table = pd.DataFrame(rows, columns=["name", "prompt", "taken_for"]).assign(seed=range(SEED, SEED + n))
    return table.drop_duplicates("prompt", ignore_index=True)


def _shown(judge: Judge, pictures: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    return np.array([name in one.concepts for name, one in zip(table["name"], judge.read(pictures), strict=True)])


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
