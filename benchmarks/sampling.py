"""How fast the miniature base draws: pictures a second in batches of 1 and 16, and what the batch gains.

.venv/bin/python benchmarks/sampling.py
"""

from __future__ import annotations

import platform
import statistics
import time
from pathlib import Path

import torch

from unhype.bases.loading import load_pipeline
from unhype.miniature.folders import BASE
from unhype.pictures.sampling import Sampling, sample

REPEATS = 5


def main() -> None:
    pipeline = load_pipeline(Path(__file__).resolve().parent.parent / "data" / BASE)
    rates: dict[int, list[float]] = {1: [], 16: []}
    for repeat in range(REPEATS + 1):  # the first round warms up
        for batch, seen in rates.items():
            began = time.perf_counter()
            list(sample(pipeline, ["a photo of Prince"] * batch, range(batch), Sampling(steps=20, batch=batch)))
            if repeat:
                seen.append(batch / (time.perf_counter() - began))
    one, many = (statistics.median(seen) for seen in rates.values())
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, 20 steps, guided, median of {REPEATS}")
    print(f"batch  1: {one:5.1f} pictures a second")
    print(f"batch 16: {many:5.1f} pictures a second, {many / one:.1f} times as many")


if __name__ == "__main__":
    main()
