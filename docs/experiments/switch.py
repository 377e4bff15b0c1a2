"""Where should the switch open? The roles of the lists are swapped, so that nothing that is reported on is tuned on.

Forgotten: the 100 retain names, and their aliases. Trained to be kept: 50 of the forget names; never seen: the other 50.

.venv/bin/python docs/experiments/switch.py
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from pathlib import Path

import torch

import unhype.switch
from unhype.bases import load_pipeline
from unhype.families.stable_diffusion import StableDiffusion
from unhype.miniature.folders import BASE
from unhype.miniature.people import aliases, groups
from unhype.miniature.showing import quiet
from unhype.switch import fit_switch
from unhype.templates import DEVELOPMENT, TRAINING, Templates


def main() -> None:
    quiet()
    family = StableDiffusion(load_pipeline(Path("data") / BASE))

    def vectors(names: list[str], templates: Templates = DEVELOPMENT) -> torch.Tensor:
        frames = list(chain.from_iterable(templates.values()))
        return torch.stack([family.encode([frame.format(name) for frame in frames]).pooled for name in names])

    forgotten, others = list(groups()["retain"]), list(groups()["forget"])
    trained = vectors(forgotten, TRAINING), vectors(others[:50], TRAINING)
    asked = {
        "forgotten": vectors(forgotten),
        "their aliases": vectors([alias for name, alias in aliases().items() if name in forgotten]),
        "never seen": vectors(others[50:]),
        "first name of one, last of another": vectors([f"{a.split()[0]} {b.split()[-1]}" for a, b in zip(forgotten, others, strict=True)]),
        "forgotten and another": vectors([f"{a} and {b}" for a, b in zip(forgotten, others[50:], strict=False)]),
        "nameless people and things": vectors(["a man", "a woman", "a person", "a dog", "a ship", "a street", "the sky"]),
    }
    print(f"| shrinkage | opens at | {' | '.join(asked)} |\n|{'---|' * (2 + len(asked))}")
    for shrinkage in (0.02, 0.2, 1.0):
        unhype.switch.SHRINKAGE = shrinkage
        fitted = fit_switch(forgotten, *trained)
        for threshold in (0.65, 0.7, 0.75, 0.8, 0.85):
            switch = replace(fitted, threshold=threshold)
            shares = [f"{float((switch(c.flatten(0, 1)) > 0.5).float().mean()):.3f}" for c in asked.values()]
            print(f"| {shrinkage} | {threshold} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
