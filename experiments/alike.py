"""Which retained concepts does the base draw as a forgotten one?

Side by side: cosine in the switch's geometry, distance of predicted noise, and what the judge sees.
Development templates; synonyms are not touched. A row for each retained concept near the place where the switch opens.

.venv/bin/python experiments/alike.py
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np

from unhype.bases.loading import load_pipeline
from unhype.concepts.loading import load_set
from unhype.erasing.fitting import distance, likeness
from unhype.families.choosing import family_of
from unhype.judges.miniature import MiniatureJudge
from unhype.miniature.folders import BASE, JUDGE
from unhype.pictures.sampling import Sampling
from unhype.prompts.rows import FIRST_SEED
from unhype.prompts.templates import DEVELOPMENT
from unhype.terminal import quiet

NEAREST = 14


def main() -> None:
    quiet()
    data = Path("data")
    family, judge, concepts = (
        family_of(load_pipeline(data / BASE)),
        MiniatureJudge(data / JUDGE),
        load_set("objects", data / "concepts"),
    )
    frames = list(chain.from_iterable(DEVELOPMENT.values()))
    seeds = range(FIRST_SEED["development"] + 9_000_000, FIRST_SEED["development"] + 9_000_000 + len(frames))
    similarities, opens = likeness(family, concepts)
    nearest = {
        name: max(concepts.forget, key=lambda entry: similarities[entry.concept, name]) for name in concepts.retain
    }
    ranked = sorted(nearest.items(), key=lambda item: -similarities[item[1].concept, item[0]])
    print(
        f"| retained | nearest | cosine (opens at {opens}) | distance of predicted noise "
        f"| what the judge sees in {len(frames)} |\n|{'---|' * 5}"
    )
    for name, entry in ranked[:NEAREST]:
        apart = distance(family, name, concepts.sort.phrase(entry.concept), entry.anchor)
        pixels = np.concatenate(list(family.draw([frame.format(name) for frame in frames], seeds, Sampling())))
        seen = Counter(chain.from_iterable(each.concepts for each in judge.read(pixels))).most_common(2)
        said = ", ".join(f"{what} {n}" for what, n in seen)
        print(
            f"| {name} | {entry.concept} | {similarities[entry.concept, name]:.3f} | {apart:.3f} | {said} |", flush=True
        )


if __name__ == "__main__":
    main()
