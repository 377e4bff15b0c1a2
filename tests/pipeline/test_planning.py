"""A plan against what is measured, and what it tells people."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from unhype.bases.configurations import configurations
from unhype.bases.finding import find_base
from unhype.cli.main import main
from unhype.erasing.hypernet import Hypernet
from unhype.erasing.material import Material
from unhype.erasing.phrases import reader
from unhype.erasing.trainer import Trainer
from unhype.families.loading import load_family
from unhype.families.skeleton import rows_a_picture, skeleton
from unhype.params import load_params
from unhype.pipeline.forecast import figures, table
from unhype.pipeline.planning import CALL, UTILISATION, Memory, Plan, Work
from unhype.pipeline.tracing import weight_bytes

pytestmark = pytest.mark.slow

TOLERANCE = 0.15
"""How far a plan may be from what torch allocates."""


@pytest.fixture(scope="module")
def plan(data: Path) -> Plan:
    params = load_params(data.parent / "params.yaml")
    family = skeleton(configurations(find_base("mini-sd", data)), torch.float32)
    return Plan(family, params.training, replace(params.sampling, steps=1, batch=4), 296, "cpu")


def allocated(profiler: profile, folder: Path) -> float:
    """The most bytes that were allocated at once under the profiler."""
    profiler.export_chrome_trace(str(folder / "trace.json"))
    events = json.loads((folder / "trace.json").read_text(encoding="utf-8"))["traceEvents"]
    changes = sorted((event["ts"], event["args"]["Bytes"]) for event in events if event["name"] == "[memory]")
    return float(np.cumsum([size for _, size in changes]).max())


def test_a_training_step_takes_what_was_planned(plan: Plan, data: Path, tmp_path: Path) -> None:
    family = load_family(find_base("mini-sd", data))
    n = plan.training.schedule.batch
    prompts = ["a photo of Cher", "a photo of Drake"] * (n // 2)
    read = reader(family.vectors, None)(prompts)
    latents = torch.randn(n, *family.latent_shape)
    material = Material(prompts, ["a photo of a man"] * n, read, read, latents, np.arange(n)[:, None])
    settings = replace(plan.training, schedule=replace(plan.training.schedule, steps=3))
    trainer = Trainer(
        family,
        settings,
        material,
        lambda: Hypernet(settings.hypernet, family.sites, family.width).bind(family.denoiser),
    )
    steps = trainer.run(tmp_path / "checkpoint.safetensors")
    next(steps)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        next(steps)
    planned = plan.memory_of_training(False).terms["worst moment of a step"]
    assert planned == pytest.approx(allocated(profiler, tmp_path), rel=TOLERANCE)
    assert plan.memory_of_training(True).total < plan.memory_of_training(False).total


def test_a_picture_takes_what_was_planned(plan: Plan, data: Path, tmp_path: Path) -> None:
    family = load_family(find_base("mini-sd", data))
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        list(family.draw(["a photo of Cher"] * 4, [1, 2, 3, 4], plan.sampling))
    planned = plan.memory_of_drawing().terms["worst moment of a picture"]
    assert planned == pytest.approx(allocated(profiler, tmp_path), rel=TOLERANCE)


def test_sizes_are_those_of_the_modules(plan: Plan, data: Path) -> None:
    family = load_family(find_base("mini-sd", data))
    hypernet = Hypernet(plan.training.hypernet, family.sites, family.width)
    assert plan.emitted == hypernet.emitted
    assert plan.trainable == sum(p.numel() for p in hypernet.parameters() if p.requires_grad)
    weights = plan.memory_of_drawing().terms["unet, float32"]
    assert weights == sum(p.numel() * 4 for p in family.denoiser.parameters())


SHORT = {
    "sdxl": {
        "unet": {"transformer_layers_per_block": [1, 1, 1], "layers_per_block": 1},
        "text_encoder_2": {"num_hidden_layers": 1},
    },
    "flux-dev": {
        "transformer": {"num_layers": 2, "num_single_layers": 2},
        "text_encoder_2": {"num_layers": 1, "vocab_size": 64},
    },
}
"""Known bases with fewer layers, to be quick."""


@pytest.mark.parametrize(("base", "rows"), [("sdxl", 2), ("flux-dev", 1)])
def test_every_family_can_be_planned(base: str, rows: int, data: Path) -> None:
    parts = configurations(find_base(base, data))
    for name, changes in SHORT[base].items():
        parts[name] |= changes
    params = load_params(data.parent / "params.yaml")
    family = skeleton(parts, torch.bfloat16)
    own = params.families[family.name]
    plan = Plan(family, own.training, replace(own.sampling, batch=1), 100)
    assert rows_a_picture(family, own.sampling.guidance) == rows
    assert plan.reference.flops == pytest.approx(2 / rows * plan.denoised.flops, rel=0.01)
    plain, checkpointing = plan.memory_of_training(False), plan.memory_of_training(True)
    assert checkpointing.least < plain.least
    encoders = [family.parts[name] for name, _ in family.encoders]
    assert plain.total - plain.least == pytest.approx(weight_bytes(encoders), rel=1e-6)
    assert plan.work_of_training(True).flops > plan.work_of_training(False).flops


def test_memory_and_time_add_up() -> None:
    memory = Memory({"denoiser": 10.0, "encoder": 4.0, "rest": 1.0}, ("encoder",))
    assert (memory.total, memory.least) == (15.0, 11.0)
    released = Memory(memory.terms, ("encoder",), ("encoder",), start=12.0)
    assert (released.total, released.least) == (12.0, 11.0)
    work = 2 * (Work(3.5e12, 100) + Work(0, 50))
    assert work.seconds(10.0) == pytest.approx(0.7 / UTILISATION + 300 * CALL)


def test_cards_are_asked_whether_they_hold_it(plan: Plan) -> None:
    found = figures(plan, "mini-sd", "celeb100")
    assert all(gpu["training"] == gpu["drawing"] == "yes" for gpu in found["gpus"])
    small = replace(plan.training, schedule=replace(plan.training.schedule, batch=2))
    assert figures(Plan(plan.family, small, plan.sampling, 0, "cpu"), "x", "y")["memory"] != found["memory"]
    assert "296 base pictures" in table(found)


def test_the_command_tells_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "plan.json"
    assert main(["plan", "--base", "mini-sd", "--concepts", "celeb10", "--json", str(out)]) == 0
    said = capsys.readouterr().out
    assert "mini-sd (stable_diffusion), celeb10: 14 sites" in said
    assert "H100 SXM" in said
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["memory"]["training"]["total"] > found["memory"]["drawing"]["unet, float32"]
