"""What the guard costs: guarded and bare drawing side by side, in batches of 1 and 16, of prompts of 5 and 20 words.

    .venv/bin/python benchmarks/guard.py --model build/guards/NAME

One prompt of each batch names a forgotten concept; the others are of random words, new each time. Before the clock
starts a picture of a dog is drawn, and the monitor's questions are encoded: what the guard asks again and again is
remembered, as in anything that draws more than a few, and no prompt is. Time is the processor's, in one thread, and
each ratio is of two drawings one after the other: a busy machine slows both.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import time
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from unhype.bases.finding import find_base
from unhype.erasing.guard import Guard
from unhype.pictures.sampling import Sampling, sample
from unhype.prompts.strata import LONG, LONG_DEVELOPMENT
from unhype.prompts.templates import DEVELOPMENT, HELD_OUT

LENGTHS = (5, 20)
"""Words of a prompt: a photo of …, and a sentence."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a guard's folder or registry URI")
    parser.add_argument("--repeats", type=int, default=15, help="ratios of each kind (default: %(default)s)")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16], help="pictures at a time (default: 1 16)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    guard = Guard.load(options.model)
    family = guard.load_family(find_base("mini-sd", Path(__file__).resolve().parent.parent / "data"))
    pipeline = family.pipeline
    if guard.monitor:
        family.remembered(guard.monitor.prompts)
    name = guard.trained.facts["forget"][0].split()
    templates = [*LONG, *LONG_DEVELOPMENT, *chain(*DEVELOPMENT.values(), *HELD_OUT.values())]
    words = sorted({word for template in templates for word in template.split() if word.isalpha()})
    rng = random.Random(0)

    def prompts_of(length: int, batch: int) -> list[str]:
        prompts = [rng.choices(words, k=length) for _ in range(batch)]
        prompts[0][length - len(name) :] = name
        return [" ".join(each) for each in prompts]

    def seconds(context: AbstractContextManager[Any], prompts: list[str]) -> float:
        with context:
            list(sample(pipeline, ["a dog"], [0], Sampling(steps=2)))
            began = time.process_time()
            list(sample(pipeline, prompts, range(len(prompts)), Sampling(steps=20, batch=len(prompts))))
            return time.process_time() - began

    print(f"{platform.machine()}, 1 thread, 20 steps, guided, median of {options.repeats} ratios (and their quartiles)")
    for batch in options.batches:
        for length in LENGTHS:
            ratios = []
            for _ in range(options.repeats + 1):  # the first warms up
                prompts = prompts_of(length, batch)
                guarded = seconds(guard.attached(pipeline, family=family), prompts)
                ratios.append(guarded / seconds(nullcontext(), prompts))
            low, middle, high = statistics.quantiles(ratios[1:], n=4)
            kind = f"batch {batch:2}, {length:2} words"
            print(f"{kind}: guarded takes {middle:.3f} times as long ({low:.3f} to {high:.3f})", flush=True)


if __name__ == "__main__":
    main()
