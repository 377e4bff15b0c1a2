"""A bank of rank-1 LoRAs, one a concept, trained at once: their paths are what lora_diffusion.py learns from.

Trained as ``spm_gate`` trains its bank (unhype/baselines/adapters.py), but all LoRAs begin with the same A: an A drawn
for each would put each into a corner of its own, and its concept cannot tell which. A LoRA is one vector, site after
site A and then B, in canonical form: kA and B/k are the same ΔW, so ‖A‖ = 1, and A points to the side of the A that the
first began with.

Shapes: n LoRAs of m concepts, ``size`` numbers each; q prompts; i inputs and o outputs of a site.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from unhype.adapters.lora import Factors, active
from unhype.adapters.sites import Site
from unhype.baselines.adapters import Bank, concept_vectors
from unhype.baselines.case import Case
from unhype.erasing.trainer import Trainer, TrainingSettings
from unhype.families.family import Family
from unhype.families.text import Text
from unhype.files import write_tensors

EARLIEST = 0.4
"""As in company.py: below this share of all timesteps a caption explains little."""


def sizes(sites: Sequence[Site]) -> list[int]:
    """How many numbers a rank-1 LoRA has at each site."""
    return [site.inputs + site.outputs for site in sites]


def canonical(flat: torch.Tensor, starts: torch.Tensor, sites: Sequence[Site]) -> torch.Tensor:
    """The same ΔW ``[n, size]`` with ‖A‖ = 1 and ⟨A, start⟩ ≥ 0 at every site; the scale goes into B.

    Args:
        starts: one LoRA ``[size]``, of which only A is read.
    """
    found = []
    for part, start, site in zip(flat.split(sizes(sites), 1), starts.split(sizes(sites)), sites, strict=True):
        A, B = part.split([site.inputs, site.outputs], 1)
        side = torch.where(A @ start[: site.inputs] < 0, -1.0, 1.0)[:, None]
        scale = side * A.norm(dim=1, keepdim=True).clamp(min=1e-12)
        found += [A / scale, B * scale]
    return torch.cat(found, 1)


def flattened(tensors: Mapping[str, torch.Tensor], sites: Sequence[Site]) -> torch.Tensor:
    """What :meth:`Bank.tensors` gives, ``[m, size]``."""
    return torch.cat([tensors[f"{site.name}.{side}"].flatten(1) for site in sites for side in "AB"], 1)


def factors_of(flat: torch.Tensor, sites: Sequence[Site]) -> dict[str, Factors]:
    """LoRAs ``[n, size]`` as factors of n samples."""
    pairs = zip(flat.split(sizes(sites), 1), sites, strict=True)
    halves = [part.split([site.inputs, site.outputs], 1) for part, site in pairs]
    return {site.name: Factors(A[:, None], B[:, :, None]) for site, (A, B) in zip(sites, halves, strict=True)}


def products(some: torch.Tensor, others: torch.Tensor, sites: Sequence[Site]) -> torch.Tensor:
    """⟨ΔW, ΔW'⟩ over all sites, ``[n, k]``; of rank one, so without ΔW: ⟨BA, B'A'⟩ = ⟨B, B'⟩⟨A, A'⟩."""
    total = torch.zeros(len(some), len(others))
    for one, two, site in zip(some.split(sizes(sites), 1), others.split(sizes(sites), 1), sites, strict=True):
        (A, B), (C, D) = (each.split([site.inputs, site.outputs], 1) for each in (one, two))
        total += (A @ C.T) * (B @ D.T)
    return total


def distances(some: torch.Tensor, others: torch.Tensor, sites: Sequence[Site]) -> torch.Tensor:
    """‖ΔW − ΔW'‖ over all sites, ``[n, k]``."""
    own, other = (torch.stack([products(x[None], x[None], sites)[0, 0] for x in each]) for each in (some, others))
    return (own[:, None] + other - 2 * products(some, others, sites)).clamp(min=0).sqrt()


def likeness(loras: torch.Tensor, c: torch.Tensor, sites: Sequence[Site]) -> dict[str, float]:
    """How much the LoRAs of n names share: cosines of ΔW, and whether CLIP's likeness of two names tells of it.

    Returns:
        ``mean`` and ``nearest``: cosine of two names' ΔW, and of each name's with the nearest other, on the mean;
        ``components``: how many principal components have nine tenths of the variance; ``clip``: correlation of the
        cosines with those of the centred CLIP vectors, over all pairs.
    """
    gram = products(loras, loras, sites).double()
    length = gram.diagonal().sqrt()
    cosine = gram / length[:, None] / length
    pairs = ~torch.eye(len(loras), dtype=torch.bool)
    centre = torch.eye(len(loras), dtype=torch.float64) - 1 / len(loras)
    variance = torch.linalg.eigvalsh(centre @ gram @ centre).flip(0)
    named = F.normalize((c - c.mean(0)).double(), dim=1)
    both = torch.stack([cosine[pairs], (named @ named.T)[pairs]])
    return {
        "mean": float(cosine[pairs].mean()),
        "nearest": float((cosine - 2 * torch.eye(len(loras))).amax(1).mean()),
        "components": int((variance.cumsum(0) < 0.9 * variance.sum()).sum()) + 1,
        "clip": float(torch.corrcoef(both)[0, 1]),
    }


def train_bank(
    case: Case, usual: TrainingSettings, kept: Sequence[int], folder: Path, apart: bool = False
) -> torch.Tensor:
    """The bank on its way: canonical ``[m, len(kept), size]``, after so many steps each; resumes.

    Args:
        apart: every LoRA begins with an A of its own.
    """
    sites, paths = case.family.sites, {step: folder / f"bank-{step}.safetensors" for step in (0, *kept)}
    if not paths[kept[-1]].exists():
        shape = replace(usual.hypernet, rank=1)
        settings = replace(usual, mode="direct", retained=0, switch=False, hypernet=shape)
        centres = concept_vectors(case)

        def build() -> Bank:
            bank = Bank(shape, sites, len(centres), lambda c: (F.normalize(c, dim=-1) @ centres.T).argmax(1))
            return bank if apart else alike(bank)

        trainer = Trainer(case.family, settings, case.material, build)
        write_tensors(paths[0], trainer.emitter.tensors(), {"format": "pt"})
        for report in trainer.run(folder / "bank.training.safetensors"):
            if report.step in kept:
                write_tensors(paths[report.step], trainer.emitter.tensors(), {"format": "pt"})
            if report.step % 10 == 0:
                print(f"bank: step {report.step} of {report.steps}, loss {report.loss:.3f}", flush=True)
    begun, *walked = (flattened(load_file(path), sites) for path in paths.values())
    return torch.stack([canonical(each, begun[0], sites) for each in walked], 1)


def alike(bank: Bank) -> Bank:
    """A bank whose LoRAs all begin as its first."""
    with torch.no_grad():
        for A in bank.A:
            A.copy_(A[:1].expand_as(A).clone())
    return bank


@dataclass(frozen=True)
class Questions:
    """Noised pictures with prompts, and what the bare base predicts of them: q for each of m askers.

    Attributes:
        noisy: ``[m, q, C, h, w]``.
        times: ``[m, q]``.
        texts: of all prompts in a row, m·q.
        wanted: what should be predicted, as ``noisy``.
        scale: ‖ε*(c) − ε*(anchor)‖² of an asker's questions, ``[m]``.
    """

    noisy: torch.Tensor
    times: torch.Tensor
    texts: Text
    wanted: torch.Tensor
    scale: torch.Tensor


@torch.no_grad()
def questions(family: Family, latents: torch.Tensor, rows: Sequence[pd.DataFrame], seed: int) -> Questions:
    """Of m tables with q rows each; a row that erases nothing must stay what it is (company.py, ``error``)."""
    rng, m, q = np.random.default_rng(seed), len(rows), len(rows[0])
    table = pd.concat(rows)
    named = [erased or text for erased, text in zip(table["erased"], table["text"], strict=True)]
    prompts = list(table["prompt"])
    anchors = [prompt.replace(name, "a person") for prompt, name in zip(prompts, named, strict=True)]
    z = latents[torch.from_numpy(rng.integers(len(latents), size=m * q))]
    times = family.times(m * q, rng, EARLIEST)
    noisy = family.noised(z, torch.from_numpy(rng.standard_normal(tuple(z.shape), dtype=np.float32)), times)
    texts, others = family.encode(prompts), family.encode(anchors)
    before, other = (
        torch.cat([family.predict(noisy[i : i + 32], times[i : i + 32], each[i : i + 32]) for i in range(0, m * q, 32)])
        for each in (texts, others)
    )
    goes = torch.tensor([erased != "" for erased in table["erased"]])[:, None, None, None]
    scale = (before - other).square().flatten(1).sum(1).view(m, q).sum(1)
    wanted = torch.where(goes, other, before)
    return Questions(noisy.unflatten(0, (m, q)), times.view(m, q), texts, wanted.unflatten(0, (m, q)), scale)


@torch.no_grad()
def missed(
    family: Family, asked: Questions, factors: Mapping[str, Factors], askers: Sequence[int], batch: int = 8
) -> torch.Tensor:
    """‖ε_θ − wanted‖² / scale of n LoRAs, each at the questions of its asker, ``[n]``."""
    q, found, who = asked.times.shape[1], [], torch.tensor(askers)
    for start in range(0, len(who), batch):
        part = who[start : start + batch]
        own = {
            name: Factors(each.A[start : start + batch], each.B[start : start + batch]).repeated(q)
            for name, each in factors.items()
        }
        places = (part[:, None] * q + torch.arange(q)).flatten()
        with active(family.denoiser, own):
            got = family.predict(asked.noisy[part].flatten(0, 1), asked.times[part].flatten(), asked.texts[places])
        square = (got - asked.wanted[part].flatten(0, 1)).square().flatten(1).sum(1)
        found.append(square.view(len(part), q).sum(1) / asked.scale[part])
    return torch.cat(found)
