"""`objects` class by class with more than one training seed.

Each class is forgotten alone and the nine others are kept, in the flow's own examination.

PYTHONPATH=experiments .venv/bin/python experiments/turns.py --seeds 0 1 2

Held-out templates and seeds, n of params.yaml; nothing may be chosen by what this says. What the flow or
`unhype compare` has trained or drawn is taken over.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from development import settings, trained

from unhype.pipeline import job as jobs
from unhype.pipeline.examination import Examination
from unhype.progress import with_progress
from unhype.terminal import quiet

FIGURES = ("Acc_e", "Acc_s", "Acc_g", "H")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args()
    quiet()
    found = np.array([_turns(seed) for seed in options.seeds])  # [seed, class, figure]
    concepts = _job(options.seeds[0]).concepts.forget
    print(f"| forgotten alone | {' | '.join(FIGURES)} | least H |\n|{'---|' * (len(FIGURES) + 2)}")
    for i, entry in enumerate(concepts):
        print(_row(entry.concept, found[:, i]))
    print(_row(f"mean of {len(concepts)}", found.mean(1)))


def _job(seed: int) -> jobs.Job:
    return jobs.open_job(settings(), "objects", "mini-sd", Path("data"), Path("build"), seed=seed)


def _turns(seed: int) -> list[list[float]]:
    job = _job(seed)
    family = jobs.load_base(job)
    examination = Examination(job, family, trained(job, family), jobs.judging_of(job).judge)
    for _progress in with_progress(examination.draw()):
        pass
    turns = examination.scores()["in_turn"]
    return [[turns[entry.concept][figure] for figure in FIGURES] for entry in job.concepts.forget]


def _row(name: str, figures: np.ndarray) -> str:
    """Mean ± spread over seeds, ``[seed, figure]``."""
    cells = [
        f"{mean:.3f}{f' ± {spread:.3f}' if spread else ''}"
        for mean, spread in zip(figures.mean(0), figures.std(0), strict=True)
    ]
    return f"| {name} | {' | '.join(cells)} | {figures[:, -1].min():.3f} |"


if __name__ == "__main__":
    main()
