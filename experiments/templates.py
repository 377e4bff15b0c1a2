"""How much does the template matter? Right avatars by template, for training templates and for development ones.

.venv/bin/python experiments/templates.py --n 40
"""

from __future__ import annotations

import argparse
from functools import partial
from itertools import chain
from pathlib import Path

from unhype.bases.loading import load_pipeline
from unhype.miniature.folders import BASE, JUDGE
from unhype.miniature.judge import Verdict
from unhype.miniature.measuring import FIRST_TUNING_SEED, Question, ask
from unhype.miniature.people import groups
from unhype.miniature.shipping import load_judge
from unhype.pictures.sampling import Sampling
from unhype.prompts.templates import DEVELOPMENT, TRAINING
from unhype.terminal import quiet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=40, help="pictures a template")
    parser.add_argument("--data", type=Path, default=Path("data"))
    options = parser.parse_args()
    quiet()
    pipeline, judge = load_pipeline(options.data / BASE), load_judge(options.data / JUDGE)
    names = [*groups()["forget"], *groups()["evaluation"]]
    print("| template | right avatar | somebody else | nobody |\n|---|---|---|---|")
    trained = list(TRAINING["photo"])[::8]
    for template in chain(trained, *DEVELOPMENT.values()):
        asked = [
            Question(template.format(name), FIRST_TUNING_SEED + i, partial(_right, name))
            for i, name in enumerate(names[:: max(1, len(names) // options.n)][: options.n])
        ]
        answers = list(ask(pipeline, judge, asked, Sampling()))
        right = sum(question.right(verdict) for question, _, verdict in answers) / len(answers)
        nobody = sum(not verdict.face for _, _, verdict in answers) / len(answers)
        said = f"{template} (trained)" if template in trained else template
        print(f"| {said} | {right:.0%} | {1 - right - nobody:.0%} | {nobody:.0%} |", flush=True)


def _right(name: str, verdict: Verdict) -> bool:
    """Whether it is this one alone."""
    return verdict.names == (name,)


if __name__ == "__main__":
    main()
