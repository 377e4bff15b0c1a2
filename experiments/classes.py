"""Where should the switch open for classes of things?

The table gives, for each cosine at which it could open, the share of prompts in development templates that open it.
Unseen are celeb100's retained names; synonyms and held-out templates are not touched.

.venv/bin/python experiments/classes.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from unhype.bases.loading import load_pipeline
from unhype.concepts.loading import load_set
from unhype.erasing.fitting import fit_to_set
from unhype.erasing.phrases import read_phrases
from unhype.families.choosing import family_of
from unhype.miniature.folders import BASE
from unhype.miniature.people import groups
from unhype.prompts.templates import DEVELOPMENT
from unhype.terminal import quiet


def main() -> None:
    quiet()
    family, concepts = family_of(load_pipeline(Path("data") / BASE)), load_set("objects", Path("data/concepts"))
    switch, frames = fit_to_set(family, concepts), list(chain.from_iterable(DEVELOPMENT.values()))
    asked: dict[str, Sequence[str]] = {
        "forgotten": [concepts.sort.phrase(entry.concept) for entry in concepts.forget],
        "retained": concepts.retain,
        "people, unseen": groups()["retain"],
    }
    print(f"| opens at | {' | '.join(asked)} |\n|{'---|' * (len(asked) + 1)}")
    for opens in (0.5, 0.55, 0.6, 0.65, 0.7, 0.75):
        readings = [
            read_phrases(
                family.vectors,
                replace(switch, threshold=opens),
                [frame.format(text) for text in texts for frame in frames],
            )
            for texts in asked.values()
        ]
        shares = [f"{float((reading.opened.amax(1) > 0.5).float().mean()):.4f}" for reading in readings]
        print(f"| {opens} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
