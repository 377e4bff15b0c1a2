"""What a training step takes in bf16, beside the same in float32: which of them ``precision: auto`` means, and why.

    .venv/bin/python benchmarks/precision.py

The miniature's U-Net forwards and backwards on a batch of 4, the two in turn, medians of ratios with the extremes.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from pathlib import Path

import torch

from unhype.bases.loading import load_pipeline
from unhype.miniature.folders import BASE
from unhype.terminal import quiet
from unhype.training import arithmetic_of, computing_in

ROWS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="ratios (default: %(default)s)")
    options = parser.parse_args()
    quiet()
    unet = load_pipeline(Path(__file__).resolve().parent.parent / "data" / BASE).unet
    size, width = unet.config.sample_size, unet.config.cross_attention_dim
    latents = torch.randn(ROWS, unet.config.in_channels, size, size)
    states = torch.randn(ROWS, 16, width).requires_grad_()

    def seconds(precision: torch.dtype) -> float:
        began = time.perf_counter()
        with computing_in(precision, torch.device("cpu")):
            loss = unet(latents, torch.tensor(500), states).sample.square().mean()
        loss.backward()
        return time.perf_counter() - began

    ratios = [seconds(torch.bfloat16) / seconds(torch.float32) for _ in range(options.repeats + 1)][1:]
    auto = str(arithmetic_of("auto", torch.device("cpu"))).removeprefix("torch.")
    print(
        f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads, auto is "
        f"{auto}: bf16 takes {statistics.median(ratios):.2f} times as long as float32 "
        f"({min(ratios):.2f} to {max(ratios):.2f}), n = {options.repeats}"
    )


if __name__ == "__main__":
    main()
