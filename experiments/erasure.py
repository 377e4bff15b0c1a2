"""Which settings forget best? Every variant on all strata, in development templates.

The lists' roles are swapped (development.py).

.venv/bin/python experiments/erasure.py --variant --variant switch=false retain=0.1 --variant mode=matching eta=30
.venv/bin/python experiments/erasure.py --base mini-flux --variant sites=published --variant sites=text_entries

The evaluation names, celeb100's aliases and the held-out templates are not touched.

``seconds`` are of training alone. ``shut`` is drawn under guard although it need not be, beside forgotten names in each
batch: the largest difference of a pixel value, of 255, where the guard finds nothing to forget.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from asking import parser, variants
from development import judge_of, pictures, seconds, trained

from unhype.comparison.scoring import summary
from unhype.erasing.guard import Guard
from unhype.erasing.guarded import Guarded
from unhype.evaluation.album import Album
from unhype.evaluation.scores import score_groups, separation
from unhype.families.family import Family
from unhype.pipeline import job as jobs
from unhype.pipeline import making
from unhype.pipeline.job import Job
from unhype.prompts.strata import strata_table
from unhype.terminal import quiet

COLUMNS = {
    "Acc_e": "Acc_e",
    "alias": "alias: shown",
    "misspelt": "misspelt: shown",
    "long": "long: shown",
    "two": "two_forgotten: shown",
    "mixed, gone": "forgotten_and_retained: shown",
    "mixed, kept": "forgotten_and_retained: kept of base",
    "unseen": "unseen: kept of base",
    "near miss": "near_miss: kept of base",
    "things": "things: kept of base",
    "drift": "drift",
    "face": "face",
    "neutral": "neutral",
}


def main() -> None:
    asked = parser(__doc__, "--base", "--set", "--variant", "--forget", "--build")
    asked.add_argument("--n", type=int, default=50, help="pictures a stratum, at least")
    asked.add_argument("--strata", nargs="+", help="only these, and forgotten, trained and unseen ones")
    asked.add_argument("--shut", type=int, default=16, help="pictures that must not change, drawn once more")
    options = asked.parse_args()
    quiet()
    header = ["variant", "numbers of H", "of a LoRA", "seconds", "n", *COLUMNS]
    header += ["shut: largest change", "AUC", "‖ΔW‖ forgotten / trained / unseen"]
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for label, job in variants(options):
        print(_row(label, job, options), flush=True)


def _row(label: str, job: Job, options: argparse.Namespace) -> str:
    family = jobs.load_base(job)
    guard, judge = trained(job, family), judge_of(job)
    table = _thinned(strata_table(job.concepts, job.prompts, development=True)[0], job.prompts.per_role)
    if options.strata:
        wanted = [*options.strata, "forgotten", "trained", "unseen"]
        table = table[table["group"].isin(wanted)].reset_index(drop=True)
    bare, guarded = (
        making.bare_album(job, family),
        Album(job.build / "images" / label, Guarded(family, guard, job.sampling)),
    )
    before, after = pictures(bare, table), pictures(guarded, table, bare)
    drift = np.abs(before.astype(int) - after).mean((1, 2, 3)) / 255
    scores = score_groups(table, judge.read(after), judge.read(before), drift, faces=True)
    found = summary(scores)
    strengths = guard.strength(family, list(table["prompt"])).numpy()
    by_role = {role: strengths[(table["group"] == role).to_numpy()] for role in ("forgotten", "trained", "unseen")}
    counts = sorted({score.n for score in scores.values()})
    cells = [
        label,
        f"{sum(p.numel() for name, p in guard.trained.hypernet.named_parameters() if not name.startswith('A0')):,}",
        f"{guard.trained.hypernet.emitted:,}",
        f"{seconds(job):.0f}",
        str(counts[0]) if len(counts) == 1 else f"{counts[0]} … {counts[-1]}",
        *(f"{found[key]:.3f}" if key in found else "–" for key in COLUMNS.values()),
        _shut(family, guard, job, table, options.shut),
        f"{separation(by_role['forgotten'], by_role['unseen']):.4f}",
        " / ".join(f"{values.mean():.2f}" for values in by_role.values()),
    ]
    return f"| {' | '.join(cells)} |"


def _shut(family: Family, guard: Guard, job: Job, table: pd.DataFrame, n: int) -> str:
    """The largest change of a pixel in n pictures of prompts that speak of nothing forgotten.

    Every other prompt of a batch is a forgotten one, so that adapters are at work.
    """
    shut = table[guard.read(family, list(table["prompt"])).untouched.cpu().numpy()]
    gone = table[table["group"] == "forgotten"]
    if not len(shut) or not n:
        return "–"
    shut, gone = (
        rows.iloc[np.linspace(0, len(rows) - 1, min(n, len(shut))).round().astype(int)] for rows in (shut, gone)
    )
    prompts, seeds = (
        [value for pair in zip(gone[column], shut[column], strict=True) for value in pair]
        for column in ("prompt", "seed")
    )
    bare = np.concatenate(list(family.draw(prompts, seeds, job.sampling)))
    guarded = np.concatenate(list(Guarded(family, guard, job.sampling).draw(prompts, seeds)))
    change = np.abs(bare.astype(int) - guarded)[1::2]
    return f"{change.max()} ({len(shut)})"


def _thinned(table: pd.DataFrame, n: int) -> pd.DataFrame:
    parts = [
        rows.iloc[np.linspace(0, len(rows) - 1, min(n, len(rows))).round().astype(int)]
        for _, rows in table.groupby("group", sort=False)
    ]
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    main()
