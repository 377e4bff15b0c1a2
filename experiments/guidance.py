"""Which guidance scale and how many steps?

Development templates and tuning seeds only; the held-out ones stay held out.

.venv/bin/python experiments/guidance.py --n 200
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unhype.bases.loading import load_pipeline
from unhype.miniature.folders import BASE, JUDGE
from unhype.miniature.measuring import ask, questions
from unhype.miniature.shipping import load_judge
from unhype.pictures.sampling import Sampling
from unhype.prompts.templates import DEVELOPMENT
from unhype.terminal import quiet

STRATA = ("avatar", "alias", "two people", "class", "synonym")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=200, help="pictures a cell, at least")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--guidance", type=float, nargs="+", default=[2.0, 3.0, 4.0, 6.0])
    parser.add_argument("--steps", type=int, nargs="+", default=[20])
    options = parser.parse_args()
    quiet()
    pipeline, judge = load_pipeline(options.data / BASE), load_judge(options.data / JUDGE)
    print("| guidance | steps | " + " | ".join(STRATA) + " |\n|" + "---|" * (2 + len(STRATA)))
    for guidance in options.guidance:
        for steps in options.steps:
            cells = []
            for stratum in STRATA:
                asked = questions(stratum, options.n, DEVELOPMENT)[: options.n]
                right = sum(
                    q.right(verdict) for q, _, verdict in ask(pipeline, judge, asked, Sampling(steps, guidance))
                )
                cells.append(f"{right / len(asked):.3f}")
            print(f"| {guidance:g} | {steps} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
