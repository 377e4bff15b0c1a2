"""Is s a dial? Pictures are drawn at several shares of S, on the development set (development.py).

The table says what is forgotten, what changes, and what stays.

.venv/bin/python experiments/dial.py --n 100

The guard is trained first if `company.py` or `erasure.py` has not done it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from development import BUILD, development_job, development_strata, judge_of, of_base, pictures, trained

from unhype.erasing.guard import Guard
from unhype.erasing.guarded import Guarded
from unhype.evaluation.album import Album
from unhype.evaluation.scores import score_groups
from unhype.pipeline import job as jobs
from unhype.pipeline import making
from unhype.terminal import quiet

ASKED = ("forgotten", "forgotten_and_retained", "unseen")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shares", nargs="+", type=float, default=[0.0, 0.25, 0.5, 0.75, 1.0])
    parser.add_argument("--n", type=int, default=100, help="pictures a stratum")
    parser.add_argument("--build", type=Path, default=BUILD)
    options = parser.parse_args()
    quiet()
    job = development_job(options.n, build=options.build)
    family = jobs.load_base(job)
    whole = trained(job, family).trained
    table = development_strata(job)
    table = table[table["group"].isin(ASKED)].reset_index(drop=True)
    forgotten = list(table[table["group"] == "forgotten"]["prompt"])
    bare, judge = making.bare_album(job, family), judge_of(job)
    print(
        "| s/S | forgotten: shown | face | drift | ‖ΔW‖ "
        "| mixed, gone | mixed, kept of base | unseen, kept of base | unseen, drift |\n|" + "---|" * 9
    )
    for share in options.shares:
        guard = Guard(whole, share=share)
        guarded = Album(job.build / "images" / "dial", Guarded(family, guard, job.sampling))
        before, after = pictures(bare, table), pictures(guarded, table, bare)
        drift = np.abs(before.astype(int) - after).mean((1, 2, 3)) / 255
        found = score_groups(table, judge.read(after), judge.read(before), drift, faces=True)
        gone, mixed, unseen = (found[stratum] for stratum in ASKED)
        length = float(guard.strength(family, forgotten).mean())
        cells = [
            gone.must_go,
            gone.face,
            gone.drift,
            length,
            mixed.must_go,
            of_base(mixed),
            of_base(unseen),
            unseen.drift,
        ]
        print(f"| {share:g} | {' | '.join(f'{cell:.3f}' for cell in cells)} |", flush=True)


if __name__ == "__main__":
    main()
