"""Does the plan's memory hold? Each case runs in a process of its own and is compared with what was planned.

    step        one training step of mini-sd's hypernetwork, as the trainer does it (batch 16, bf16 arithmetic)
    picture     mini-sd draws a batch of 16 pictures, 2 steps of its sampler
    true size   one forward pass of Stable Diffusion 1.4's U-Net with random weights in bf16, batch 2

Two measures: the tensors that torch allocated at once (its profiler), beyond what was there before; and how much the
process grew (VmHWM of /proc, reset before the case), weights included.

PYTHONPATH=experiments OMP_NUM_THREADS=1 .venv/bin/python experiments/memory.py
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from unhype.bases.configurations import configurations
from unhype.bases.finding import find_base
from unhype.erasing.hypernet import Hypernet
from unhype.erasing.material import Material
from unhype.erasing.phrases import reader
from unhype.erasing.trainer import Trainer
from unhype.families.loading import load_family
from unhype.families.skeleton import skeleton
from unhype.params import load_params
from unhype.pipeline.planning import Plan
from unhype.pipeline.tracing import weight_bytes

MIB = 2**20
DATA = Path("data")


def main() -> None:
    """All cases, or the one that is named, in this process."""
    if len(sys.argv) > 1:
        print(json.dumps(CASES[sys.argv[1]]()))
        return
    print("| case | tensors planned | measured | ratio | process grew | planned with weights | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name in CASES:
        said = subprocess.run([sys.executable, __file__, name], capture_output=True, text=True, check=True).stdout
        case = json.loads(said.splitlines()[-1])
        planned, grown = case["planned"], case["planned"] + case["weights"]
        print(
            f"| {name} | {planned / MIB:.0f} MiB | {case['tensors'] / MIB:.0f} MiB | {planned / case['tensors']:.2f} "
            f"| {case['grown'] / MIB:.0f} MiB | {grown / MIB:.0f} MiB | {grown / case['grown']:.2f} |"
        )


def mini_plan() -> Plan:
    """mini-sd on a CPU, with the settings of params.yaml."""
    params = load_params(Path("params.yaml"))
    family = skeleton(configurations(find_base("mini-sd", DATA)), torch.float32)
    return Plan(family, params.training, params.sampling, 0, "cpu")


def step() -> dict[str, float]:
    """One training step."""
    plan, before = mini_plan(), resident()
    family = load_family(find_base("mini-sd", DATA))
    prompts = [f"a photo of {name}" for name in ("Cher", "Drake", "Prince", "Adele")] * 4
    read = reader(family.vectors, None)(prompts)
    latents = torch.randn(len(prompts), *family.latent_shape)
    rows = np.arange(len(prompts))[:, None]
    material = Material(prompts, ["a photo of a man"] * len(prompts), read, read, latents, rows)
    settings = replace(plan.training, schedule=replace(plan.training.schedule, steps=4))
    trainer = Trainer(
        family,
        settings,
        material,
        lambda: Hypernet(settings.hypernet, family.sites, family.width).bind(family.denoiser),
    )
    with tempfile.TemporaryDirectory() as folder:
        steps = trainer.run(Path(folder) / "checkpoint.safetensors")
        next(steps)  # the optimiser's moments are there now
        return {
            "planned": plan.memory_of_training(False).terms["worst moment of a step"],
            "weights": weight_bytes([*family.parts.values(), family.pipeline.vae]),
            **measured(lambda: next(steps), before),
        }


def picture() -> dict[str, float]:
    """A batch of pictures."""
    plan, before = mini_plan(), resident()
    family = load_family(find_base("mini-sd", DATA))
    how = replace(plan.sampling, steps=2)
    seeds = list(range(how.batch))
    return {
        "planned": plan.memory_of_drawing().terms["worst moment of a picture"],
        "weights": weight_bytes([*family.parts.values(), family.pipeline.vae]),
        **measured(lambda: list(family.draw(["a photo of Cher"] * how.batch, seeds, how)), before),
    }


def true_size() -> dict[str, float]:
    """The U-Net of Stable Diffusion 1.4."""
    params = load_params(Path("params.yaml"))
    family = skeleton(configurations(find_base("sd14", DATA)), torch.bfloat16)
    plan = Plan(family, params.training, replace(params.sampling, batch=1), 0, "cpu")  # two rows with guidance
    planned, before = plan.denoised.peak, resident()
    unet = family.bare_denoiser.to_empty(device="cpu").eval()
    torch.manual_seed(0)
    for parameter in unet.parameters():
        parameter.data.normal_(0, 0.02)
    given = torch.randn(2, 4, 64, 64).bfloat16(), torch.tensor([500, 500]), torch.randn(2, 77, 768).bfloat16()
    with torch.no_grad():
        found = measured(lambda: unet(*given), before)
    return {"planned": float(planned), "weights": weight_bytes([unet]), **found}


def measured(run: Callable[[], object], before: int) -> dict[str, float]:
    """Bytes of tensors at once, and growth of the process since ``before``."""
    Path("/proc/self/clear_refs").write_text("5")
    run()
    grown = status("VmHWM") - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    changes = sorted((event["ts"], event["args"]["Bytes"]) for event in events if event["name"] == "[memory]")
    return {"tensors": float(np.cumsum([size for _, size in changes]).max()), "grown": float(grown)}


def resident() -> int:
    """Bytes of this process in memory."""
    return status("VmRSS")


def status(field: str) -> int:
    """A field of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field))) * 1024


CASES: dict[str, Callable[[], dict[str, float]]] = {"step": step, "picture": picture, "true size": true_size}

if __name__ == "__main__":
    main()
