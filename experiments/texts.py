"""Prompts encoded once beside prompts encoded in every step: seconds of a training step on the miniature, side by side.

Both runs take turns, a step each, so that a busy machine slows both alike. Prints a row for docs/experiments/bases.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from unhype.bases.loading import load_pipeline
from unhype.erasing.hypernet import Hypernet
from unhype.erasing.material import Material
from unhype.erasing.phrases import reader
from unhype.erasing.trainer import StepReport, Trainer, TrainingSettings
from unhype.families.choosing import family_of
from unhype.miniature.folders import BASE
from unhype.training import Schedule

PROMPTS = 300


def main() -> None:
    """Train twice, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--data", type=Path, default=Path("data"))
    options = parser.parse_args()
    family = family_of(load_pipeline(options.data / BASE))
    read = reader(family.vectors, None)
    prompts, anchors = (
        [f"a photo of {who} number {i} in a park" for i in range(PROMPTS)] for who in ("person", "woman")
    )
    latents = torch.randn(6, *family.latent_shape, generator=torch.Generator().manual_seed(0))
    rows = np.tile(np.arange(6), (PROMPTS, 1))
    material = Material(prompts, anchors, read(prompts), read(["a photo of Drake"] * 20), latents, rows)
    settings = TrainingSettings(schedule=Schedule(steps=options.steps, batch=16, rate=2e-3, average=0.98))

    def run(cache_gb: float, folder: str) -> Iterator[StepReport]:
        def build() -> Hypernet:
            return Hypernet(settings.hypernet, family.sites, family.width).bind(family.denoiser)

        return Trainer(family, settings, material, build, cache_gb).run(Path(folder) / f"{cache_gb}.safetensors")

    taken: dict[str, list[float]] = {"once": [], "every step": []}
    losses: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        runs = {"once": run(4.0, folder), "every step": run(0.0, folder)}
        for _ in range(options.steps):
            for name, steps in runs.items():
                began = time.process_time()
                losses[name] = next(steps).loss
                taken[name].append(time.process_time() - began)
    first = {name: seconds[0] for name, seconds in taken.items()}
    each = {name: statistics.median(seconds[1:]) for name, seconds in taken.items()}
    for name in taken:
        print(f"{name}: first step {first[name]:.2f} s, others {each[name]:.3f} s, last loss {losses[name]!r}")
    print(f"ratio {each['once'] / each['every step']:.3f} (CPU time, medians, n = {options.steps - 1} steps each)")


if __name__ == "__main__":
    main()
