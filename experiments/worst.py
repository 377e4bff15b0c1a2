"""Which forgotten name is forgotten worst? Every name of a guard's list, on development templates.

A share of all pictures hides a single name that is drawn as before. Pictures of each name are drawn by the bare base
and, from the same seeds, by each guard, by its words alone: without monitor. Templates and seeds are not those of the
evaluation.

.venv/bin/python experiments/worst.py --model build/guards/ONE build/guards/OTHER --n 16
"""

from __future__ import annotations

from itertools import chain, islice

import numpy as np
import pandas as pd
from asking import parser
from development import job_of_guard, judge_of, pictures, shown_in

from unhype.erasing.guard import Guard
from unhype.pipeline import job as jobs
from unhype.pipeline import making
from unhype.prompts.templates import DEVELOPMENT
from unhype.terminal import quiet

SEED = 55_000_000
"""First of these pictures; nothing else has them."""

TOLD = 5
"""Names in the last column."""


def main() -> None:
    asked = parser(__doc__)
    asked.add_argument("--model", nargs="+", required=True, help="guards of one concept set")
    asked.add_argument("--n", type=int, default=8, help="pictures of each name (default: %(default)s)")
    options = asked.parse_args()
    quiet()
    guards = [Guard.load(folder, ungated=True, monitored=False) for folder in options.model]
    job = job_of_guard(guards[0])
    family, judge = jobs.load_base(job), judge_of(job)
    frames = list(islice(chain.from_iterable(DEVELOPMENT.values()), options.n))
    names = [entry.concept for entry in job.concepts.forget]
    table = pd.DataFrame([(name, frame.format(name)) for name in names for frame in frames], columns=["name", "prompt"])
    table["seed"] = range(SEED, SEED + len(table))

    def shown(drawn: np.ndarray) -> pd.Series:
        """Share of each name's pictures that show it, the largest first."""
        there = pd.Series(shown_in(judge, drawn, list(table["name"])))
        return there.groupby(table["name"]).mean().sort_values(ascending=False, kind="stable")

    print("| guard | n | shown | names in a quarter or more | the worst |\n|---|---|---|---|---|")
    print(_row("base", len(table), shown(pictures(making.bare_album(job, family), table))), flush=True)
    for guard in guards:
        with guard.attached(family.pipeline, family=family):
            under = list(family.draw(list(table["prompt"]), list(table["seed"]), job.sampling))
        print(_row(guard.trained.facts["sha256"][:8], len(table), shown(np.concatenate(under))), flush=True)


def _row(label: str, n: int, shares: pd.Series) -> str:
    worst = ", ".join(f"{name} {share:.2f}" for name, share in shares.iloc[:TOLD].items())
    return f"| {label} | {n} | {shares.mean():.3f} | {(shares >= 0.25).sum()} | {worst} |"


if __name__ == "__main__":
    main()
