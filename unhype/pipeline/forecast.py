"""A plan for people: from names to a :class:`~unhype.pipeline.planning.Plan`, its figures, and a table."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from unhype.bases.configurations import configurations
from unhype.bases.finding import find_base
from unhype.concepts.schema import ConceptSet
from unhype.erasing.material import pictures_needed
from unhype.families.skeleton import parameters, pixels_of, recast, skeleton
from unhype.params import Params
from unhype.pipeline.gpus import GPU, GPUS
from unhype.pipeline.planning import CALL, GIB, UTILISATION, Memory, Plan, Work, word
from unhype.prompts.tables import training_tables

SLACK = 0.1
"""Share of a card that is left free: what an allocator holds back, and scratch memory inside of operations."""

DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

Figures = dict[str, Any]


def opened(
    base: str, concepts: ConceptSet, params: Params, data: Path, device: str = "cuda", dtype: str | None = None
) -> Plan:
    """The plan of a job.

    Args:
        base: a name, see :func:`~unhype.bases.finding.find_base`.
        params: those of the base's family are taken where the base is not a miniature.
        dtype: of the frozen base; the settings', or the family's own on a GPU and float32 on a CPU.

    Raises:
        UnhypeError: no such base, or one whose configuration is not here.
    """
    source = find_base(base, data)
    parts = configurations(source)
    family = skeleton(parts, torch.float32)
    shipped = source.folder is not None and source.folder.parent == data / "bases"
    own = params if shipped else params.families.get(family.name, params)
    auto = family.defaults.dtype if device == "cuda" and not shipped else "float32"
    kind = dtype or (auto if own.base.dtype == "auto" else own.base.dtype)
    family = recast(family, DTYPES[kind], own.training.sites or None, own.training.reads or None)
    tables = training_tables(concepts)
    pictures = len(pictures_needed(tables, own.training.pictures))
    texts = {
        text for each in tables.values() for column in ("prompt", "anchor_prompt") for text in each[column] if text
    }
    return Plan(family, own.training, own.sampling, pictures, device, len(texts), own.base.cache_gb * 1e9)


def figures(plan: Plan, base: str, concepts: str) -> Figures:
    """Everything that is worth telling, in bytes, seconds and plain numbers."""
    training = {name: plan.memory_of_training(name == "checkpointing") for name in ("plain", "checkpointing")}
    drawing = plan.memory_of_drawing()
    picture = plan.work_of_a_picture
    steps = {name: plan.work_of_training(name == "checkpointing") for name in training}
    return {
        "base": base,
        "family": plan.family.name,
        "concepts": concepts,
        "device": plan.device,
        "sites": {"table": plan.family.table, "layers": len(plan.family.sites)},
        "parameters": {**parameters(plan.family), "hypernetwork": plan.trainable, "one LoRA": plan.emitted},
        "training": {
            "steps": plan.training.schedule.steps,
            "batch": plan.training.schedule.batch,
            "base pictures": plan.pictures,
            "texts": plan.texts,
            "bytes of texts": plan.bytes_of_texts,
            "texts are kept": plan.texts_are_kept,
        },
        "picture": {
            "steps": plan.sampling.steps,
            "guidance": plan.sampling.guidance,
            "batch": plan.sampling.batch,
            "pixels": pixels_of(plan.family, plan.shape[1]),
        },
        "memory": {
            "training": _memory(training["plain"]),
            "training with gradient checkpointing": _memory(training["checkpointing"]),
            "drawing": _memory(drawing),
        },
        "work": {
            "training": asdict(steps["plain"]),
            "training with gradient checkpointing": asdict(steps["checkpointing"]),
            "a picture": asdict(picture),
        },
        "assumed": {"utilisation": UTILISATION, "seconds a call": CALL, "left free": SLACK},
        "gpus": [_on(gpu, plan, training, steps) for gpu in GPUS],
    }


def _on(gpu: GPU, plan: Plan, training: dict[str, Memory], steps: dict[str, Work]) -> Figures:
    """What fits on a card, and how long it takes; a base in float32 draws at the rate of float32."""
    how = _fits(training, gpu.gib)
    trained = gpu.float32 if plan.training.precision == "fp32" else gpu.bf16
    a_picture = plan.work_of_a_picture.seconds(gpu.float32 if word(plan.family.dtype) == "float32" else gpu.bf16)
    return {
        "name": gpu.name,
        "gib": gpu.gib,
        "training": how,
        "drawing": _fits({"plain": plan.memory_of_drawing()}, gpu.gib),
        "seconds of training": steps["checkpointing" if "checkpointing" in how else "plain"].seconds(trained),
        "seconds of base pictures": plan.pictures * a_picture,
        "seconds a picture": a_picture,
    }


def _memory(memory: Memory) -> dict[str, Any]:
    return {**memory.terms, "total": memory.total, "total without text encoders": memory.least}


def _fits(ways: dict[str, Memory], gib: int) -> str:
    """The least trouble with which a job fits: ``yes``, or what must be done, or ``no``."""
    room = gib * GIB * (1 - SLACK)
    for name, memory in ways.items():
        trouble = [] if name == "plain" else [name]
        if memory.total <= room:
            return ", ".join(trouble) or "yes"
        if memory.least <= room:
            return ", ".join([*trouble, "text encoders off"])
    return "no"


def table(found: Figures) -> str:
    """The figures for a terminal."""
    training, picture = found["training"], found["picture"]
    numbers = ", ".join(f"{name} {count / 1e6:,.2f} M" for name, count in found["parameters"].items())
    lines = [
        f"{found['base']} ({found['family']}), {found['concepts']}: {found['sites']['layers']} sites "
        f"({found['sites']['table']})",
        f"parameters: {numbers}",
        f"training: {training['steps']} steps of {training['batch']} on {training['base pictures']} base pictures; "
        f"a picture: {picture['steps']} steps, guidance {picture['guidance']:g}, {picture['pixels']} pixels, "
        f"{picture['batch']} at a time",
    ]
    kept = (
        "each is encoded once" if training["texts are kept"] else "more than base.cache_gb: each step encodes its own"
    )
    lines.append(f"texts: {training['texts']:,}, {training['bytes of texts'] / 1e9:.1f} GB when encoded; {kept}")
    for name, terms in found["memory"].items():
        lines += ["", f"memory of {name}, GiB"]
        lines += [f"  {term:32} {size / GIB:8.2f}" for term, size in terms.items()]
    if found["device"] == "cuda":
        lines += ["", *_cards(found)]
    return "\n".join(lines)


def _cards(found: Figures) -> list[str]:
    header = f"{'GPU':12} {'GiB':>4} {'training':32} {'drawing':18} {'training takes':>14} {'a picture':>10}"
    rows = []
    for gpu in found["gpus"]:
        trains, draws = gpu["training"] != "no", gpu["drawing"] != "no"
        whole = gpu["seconds of training"] + gpu["seconds of base pictures"]
        rows.append(
            f"{gpu['name']:12} {gpu['gib']:4} {gpu['training']:32} {gpu['drawing']:18} "
            f"{_time(whole) if trains and draws else '–':>14} {_time(gpu['seconds a picture']) if draws else '–':>10}"
        )
    assumed = found["assumed"]
    notes = [
        "text encoders off: of a pipeline that moves its parts about, with enable_model_cpu_offload().",
        f"{assumed['left free']:.0%} of a card stay free. Base pictures are part of training; switch and scores not.",
        f"Times assume {assumed['utilisation']:.0%} of the rates that makers state, and "
        f"{assumed['seconds a call'] * 1e6:.0f} µs a call: no card was measured, take them to a factor of two.",
    ]
    return [header, *rows, *notes]


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
