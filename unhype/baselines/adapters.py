"""Adapters without a hypernetwork: one LoRA for every prompt, or one for every concept.

They are trained by the same trainer on the same target as UnHype.

Source: Hu et al. 2021 (LoRA): A random, B zero at the start. Shapes as in :mod:`unhype.adapters.lora`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from unhype.adapters.lora import Factors
from unhype.adapters.sites import Site
from unhype.adapters.watching import Texts, attach
from unhype.baselines.case import Case, OfCase, Step
from unhype.erasing.hypernet import Emitter, HypernetConfig
from unhype.erasing.material import Material
from unhype.erasing.trainer import Trainer, TrainingSettings
from unhype.families.family import Family

BANK = "bank"
"""Name of the fitted bank, which several methods draw with."""


class Bank(Emitter):
    """m LoRAs; ``choose`` tells from c which one a prompt is trained with. With m = 1 this is the plain static LoRA."""

    def __init__(
        self,
        config: HypernetConfig,
        sites: Sequence[Site],
        m: int = 1,
        choose: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        super().__init__(config, sites)
        r = config.rank
        self.choose = choose or (lambda c: torch.zeros(len(c), dtype=torch.long, device=c.device))
        self.A = nn.ParameterList(
            nn.Parameter(torch.randn(m, r, site.inputs) / math.sqrt(site.inputs)) for site in self.sites
        )
        self.B = nn.ParameterList(nn.Parameter(torch.zeros(m, site.outputs, r)) for site in self.sites)

    def forward(self, c: torch.Tensor, s: torch.Tensor, switch: torch.Tensor | None = None) -> dict[str, Factors]:
        share = s.float() / self.config.steps * (1 if switch is None else switch)
        which = self.choose(c)
        return {
            site.name: Factors(self.config.alpha * self.A[k][which], share[:, None, None] * self.B[k][which])
            for k, site in enumerate(self.sites)
        }

    def tensors(self) -> dict[str, torch.Tensor]:
        """``<site>.A [m, r, i]`` with α in it, and ``<site>.B [m, o, r]``."""
        parts = {f"{site.name}.A": self.config.alpha * self.A[k] for k, site in enumerate(self.sites)}
        return parts | {f"{site.name}.B": self.B[k] for k, site in enumerate(self.sites)}


def train_adapters(
    case: Case, method: str, settings: TrainingSettings, build: Callable[[], Bank], material: Material
) -> Iterator[Step]:
    """Train adapters and keep them; resumes, and does nothing where they are there."""
    if case.path(method).with_suffix(".json").exists():
        return
    trainer = Trainer(case.family, settings, material, build)
    case.folder.mkdir(parents=True, exist_ok=True)
    for report in trainer.run(case.checkpoint(method)):
        yield Step(report.step, report.steps, report.loss)
    case.keep(method, trainer.emitter.tensors(), asdict(settings))


@dataclass(frozen=True)
class BankFit:
    """One LoRA of a rank for each forgotten concept, in one run, each trained on its own concept's prompts alone."""

    settings: TrainingSettings
    rank: int
    fits: str = BANK

    def fit(self, case: Case) -> Iterator[Step]:
        """Train it; resumes, and does nothing where it is there."""
        shape = replace(self.settings.hypernet, rank=self.rank)
        settings = replace(self.settings, mode="direct", seed=case.seed, retained=0, switch=False, hypernet=shape)
        centres = concept_vectors(case)

        def choose(c: torch.Tensor) -> torch.Tensor:
            return (F.normalize(c, dim=-1) @ centres.T).argmax(1)

        yield from train_adapters(
            case, BANK, settings, lambda: Bank(shape, case.family.sites, len(centres), choose), case.material
        )


def concept_vectors(case: Case) -> torch.Tensor:
    """The mean vector of each forgotten concept's training prompts, unit length, ``[m, d]``."""
    prompts = [prompt for _, rows in case.train.groupby("concept", sort=False) for prompt in rows["prompt"]]
    return F.normalize(vectors(case, prompts).view(len(case.concepts), -1, case.family.width).mean(1), dim=-1)


def vectors(case: Case, prompts: Sequence[str]) -> torch.Tensor:
    """CLIP's vectors of prompts, unit length, ``[n, d]``."""
    return F.normalize(case.family.vectors(prompts), dim=-1)


def by_site(tensors: Mapping[str, torch.Tensor], sites: Sequence[Site]) -> dict[str, Factors]:
    """What :meth:`Bank.tensors` gave, as factors of m samples."""
    return {site.name: Factors(tensors[f"{site.name}.A"], tensors[f"{site.name}.B"]) for site in sites}


def summed(factors: Mapping[str, Factors], scale: torch.Tensor) -> dict[str, Factors]:
    """m LoRAs added up with weights ``scale [n, m]``: one of rank m·r for each of n prompts."""
    joined = {}
    for name, f in factors.items():
        m, r, inputs = f.A.shape
        A = f.A.reshape(1, m * r, inputs).expand(len(scale), -1, -1)
        B = torch.einsum("nm,mor->nomr", scale, f.B).reshape(len(scale), -1, m * r)
        joined[name] = Factors(A, B)
    return joined


@dataclass(frozen=True)
class Adapted(OfCase):
    """An eraser: fitted LoRAs, and how strongly each acts on a prompt.

    Attributes:
        fits: the method that fitted the LoRAs.
        weigh: prompts → ``[n, m]``.
        unconditional: whether the unconditional half of guidance is adapted too.
    """

    fits: str
    weigh: Callable[[list[str]], torch.Tensor]
    unconditional: bool = False

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[np.ndarray]:
        with self.attached() as family:
            yield from family.draw(prompts, seeds, self.case.how)

    @contextmanager
    def attached(self) -> Iterator[Family]:
        """The case's pipeline has these adapters while the context is open."""
        family = self.case.family
        factors = by_site(self.case.fitted(self.fits), family.sites)

        def read(_: Family, rows: Sequence[Texts]) -> list[torch.Tensor | None]:
            weights = [self.weigh(list(texts)).amax(0) for texts in rows]
            return [row if bool(row.any()) else None for row in weights]

        def emit(_: Family, rows: Sequence[torch.Tensor]) -> dict[str, Factors]:
            return summed(factors, torch.stack(list(rows)))

        undo = attach(family, read, emit, self, self.unconditional)
        try:
            yield family
        finally:
            undo()

    def untouched(self, prompts: Sequence[str]) -> np.ndarray:
        return (self.weigh(list(prompts)) == 0).all(1).cpu().numpy()


def always(case: Case) -> Callable[[list[str]], torch.Tensor]:
    """A single LoRA, wholly, for every prompt."""
    return lambda prompts: torch.ones(len(prompts), 1, device=case.family.device)
