"""Which settings forget best? Every variant on all strata, in development templates.

The lists' roles are swapped (development.py).

.venv/bin/python experiments/erasure.py --variant --variant switch=false retain=0.1 --variant mode=matching eta=30

The evaluation names, celeb100's aliases and the held-out templates are not touched.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from development import BUILD, changed, development_job, pictures, trained

from unhype.comparison.scoring import summary
from unhype.erasing.guarded import Guarded
from unhype.evaluation.album import Album
from unhype.evaluation.scores import score_groups, separation
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--variant",
        nargs="*",
        action="append",
        metavar="KEY=VALUE",
        help="settings that differ from params.yaml; nested ones with dots",
    )
    parser.add_argument("--n", type=int, default=50, help="pictures a stratum, at least")
    parser.add_argument("--strata", nargs="+", help="only these, and forgotten, trained and unseen ones")
    parser.add_argument("--build", type=Path, default=BUILD)
    options = parser.parse_args()
    quiet()
    header = ["variant", "minutes", *COLUMNS, "AUC", "‖ΔW‖ forgotten / trained / unseen"]
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for variant in options.variant or [[]]:
        print(
            _row(
                " ".join(variant) or "default",
                development_job(options.n, changed(variant), build=options.build),
                options.strata,
            ),
            flush=True,
        )


def _row(label: str, job: Job, strata: list[str] | None) -> str:
    family, began = jobs.load_base(job), time.monotonic()
    guard = trained(job, family)
    minutes, judge = (time.monotonic() - began) / 60, jobs.judging_of(job).judge
    table = _thinned(strata_table(job.concepts, job.prompts, development=True)[0], job.prompts.per_role)
    if strata:
        table = table[table["group"].isin([*strata, "forgotten", "trained", "unseen"])].reset_index(drop=True)
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
    cells = [
        label,
        f"{minutes:.1f}",
        *(f"{found[key]:.3f}" if key in found else "–" for key in COLUMNS.values()),
        f"{separation(by_role['forgotten'], by_role['unseen']):.4f}",
        " / ".join(f"{values.mean():.2f}" for values in by_role.values()),
    ]
    return f"| {' | '.join(cells)} |"


def _thinned(table: pd.DataFrame, n: int) -> pd.DataFrame:
    parts = [
        rows.iloc[np.linspace(0, len(rows) - 1, min(n, len(rows))).round().astype(int)]
        for _, rows in table.groupby("group", sort=False)
    ]
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    main()
