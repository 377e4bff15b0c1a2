"""What the guard costs: guarded and bare drawing side by side, in batches of 1 and 16, with one forgotten prompt in each.

.venv/bin/python benchmarks/guard.py --model build/guards/NAME
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch

from unhype.bases.loading import load_pipeline
from unhype.erasing.guard import Guard
from unhype.miniature.folders import BASE
from unhype.pictures.sampling import Sampling, sample

REPEATS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a guard's folder or registry URI")
    options = parser.parse_args()
    pipeline, guard = load_pipeline(Path(__file__).resolve().parent.parent / "data" / BASE), Guard.load(options.model)
    forgotten = guard.trained.facts["forget"][0]
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, 20 steps, guided, median of {REPEATS} ratios")
    for batch in (1, 16):
        prompts = [f"a photo of {forgotten}", *["a photo of a dog"] * (batch - 1)]

        def seconds(context: Callable[[], object], prompts: list[str] = prompts) -> float:
            began = time.perf_counter()
            with context():  # type: ignore[attr-defined]
                list(sample(pipeline, prompts, range(len(prompts)), Sampling(steps=20, batch=len(prompts))))
            return time.perf_counter() - began

        ratios = [seconds(lambda: guard.attached(pipeline)) / seconds(nullcontext) for _ in range(REPEATS + 1)][1:]
        print(
            f"batch {batch:2}: guarded takes {statistics.median(ratios):.3f} times as long ({min(ratios):.3f} to {max(ratios):.3f})"
        )


if __name__ == "__main__":
    main()
