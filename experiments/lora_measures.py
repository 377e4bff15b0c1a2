"""What is measured of LoRAs that were given: what is left of a name, how far others move, pictures, distances."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from development import development_strata, judge_of, pictures
from lora_bank import Questions, distances, factors_of, missed, questions
from safetensors.torch import load_file

from unhype.adapters.lora import Factors
from unhype.baselines.case import Case
from unhype.baselines.spm_gate import SpmGate
from unhype.evaluation.album import Album
from unhype.evaluation.scores import score_groups
from unhype.families.family import Family
from unhype.files import write_tensors
from unhype.pipeline import making
from unhype.pipeline.job import Job

Method = Callable[[torch.Tensor, torch.Tensor], "torch.Tensor | dict[str, Factors]"]
"""From places of names ``[n]`` and asked losses ``[n, 2]`` to LoRAs: flat and canonical ``[n, size]``, or factors."""


@dataclass(frozen=True)
class Setting:
    """What all methods are given, and how they are examined.

    Attributes:
        latents: pictures whose noised ones are asked about.
        bank: ``[m, T, size]``.
        c: CLIP's vectors of the names, ``[m, d]``.
        seen, held: places of names.
    """

    job: Job
    family: Family
    case: Case
    latents: torch.Tensor
    bank: torch.Tensor
    c: torch.Tensor
    seen: list[int]
    held: list[int]

    @cached_property
    def beside(self) -> list[int]:
        """Names of the bank that are examined beside those held out, as many."""
        return self.seen[:: len(self.seen) // len(self.held)][: len(self.held)]

    @cached_property
    def strata(self) -> pd.DataFrame:
        """In sentences and with seeds that neither bank nor H was trained with."""
        return development_strata(self.job)

    def ask(self, rows: Sequence[pd.DataFrame], n: int, seed: int) -> Questions:
        """n of each table's rows, from all over; some twice, in other noise, where there are fewer."""
        chosen = [each.iloc[np.linspace(0, len(each) - 1, n).round().astype(int)] for each in rows]
        return questions(self.family, self.latents, chosen, seed)

    @cached_property
    def trained_on(self) -> tuple[Questions, Questions]:
        """Of training prompts: about each name, and about prompts to keep."""
        rows = [each for _, each in self.case.train.groupby("concept", sort=False)]
        return self.ask(rows, 6, 1), self.ask([self.case.retain], 6, 1)

    @cached_property
    def fresh(self) -> tuple[Questions, Questions]:
        """Of development prompts: about each name, and about names that nobody has trained with."""
        forgotten = self.strata[self.strata["group"] == "forgotten"]
        rows = [forgotten[forgotten["concept"] == name] for name in self.case.concepts]
        return self.ask(rows, 8, 2), self.ask([self.strata[self.strata["group"] == "unseen"]], 16, 2)

    def factors(self, given: torch.Tensor | dict[str, Factors]) -> dict[str, Factors]:
        return given if isinstance(given, dict) else factors_of(given, self.family.sites)

    @cached_property
    def losses(self) -> torch.Tensor:
        """Both losses of all LoRAs of the bank in training prompts, ``[m, T, 2]``; kept when measured."""
        path, (m, T, _) = self.case.folder / "losses.safetensors", self.bank.shape
        if not path.exists():
            factors, each = self.factors(self.bank.flatten(0, 1)), [i for i in range(m) for _ in range(T)]
            own, kept = self.trained_on
            found = [missed(self.family, own, factors, each), missed(self.family, kept, factors, [0] * len(each))]
            write_tensors(path, {"losses": torch.stack(found, 1).view(m, T, 2)}, {"format": "pt"})
        return load_file(path)["losses"]


def figures(setting: Setting, give: Method, places: list[int], asked: torch.Tensor) -> dict[str, Any]:
    """Of LoRAs for some names and all asked losses ``[T, 2]``, the last of which is to forget wholly."""
    n, T, (own, kept) = len(places), len(asked), setting.fresh
    each = torch.tensor(places).repeat_interleave(T)
    got = missed(setting.family, own, setting.factors(give(each, asked.repeat(n, 1))), each.tolist()).view(n, T)
    wholly = give(torch.tensor(places), asked[-1:].expand(n, -1))
    moved = missed(setting.family, kept, setting.factors(wholly), [0] * n)
    wanted = asked[:, 0]
    off = (got - wanted).square().sum()
    found = {
        "left": float(got[:, -1].mean()),
        "moved": float(moved.mean()),
        # of those alone that read what is asked
        "R2": 1 - float(off / (n * (wanted - wanted.mean()).square().sum())) if bool(got.std(1).any()) else None,
        "got": got.mean(0).tolist(),
    }
    if isinstance(wholly, dict):
        return found
    sites, mine, zoo = setting.family.sites, setting.bank[places, -1], setting.bank[setting.seen].flatten(0, 1)
    near = distances(wholly, zoo, sites)
    length = distances(mine, torch.zeros_like(mine[:1]), sites)[:, 0]
    others = distances(mine, zoo, sites).amin(1).mean()
    names = torch.tensor(setting.seen).repeat_interleave(len(asked))[near.argmin(1)]
    return found | {
        "off": float((distances(wholly, mine, sites).diagonal() / length).mean()),
        "far": float(near.amin(1).mean() / others) if float(others) else None,
        "copied": float((names == torch.tensor(places)).float().mean()),
    }


def shown(setting: Setting, label: str, give: Method, asked: torch.Tensor, n: int) -> dict[str, float]:
    """The share of pictures of names held out that still show them, and with a face; drawn as ``spm_gate`` draws."""
    names = [list(setting.case.concepts)[i] for i in setting.held]
    table = setting.strata[(setting.strata["group"] == "forgotten") & setting.strata["concept"].isin(names)]
    table = table.groupby("concept").head(n).reset_index(drop=True)
    case = replace(setting.case, train=setting.case.train[setting.case.train["concept"].isin(names)])
    factors = setting.factors(give(torch.tensor(setting.held), asked[-1:].expand(len(names), -1)))
    tensors = {f"{name}.{side}": getattr(each, side) for name, each in factors.items() for side in "AB"}
    case.keep(label, tensors, {})
    gated = SpmGate(name=label, fits=label)
    album = Album(setting.case.folder / "images", gated.eraser(case))
    bare = making.bare_album(setting.job, setting.family)
    before, after = pictures(bare, table), pictures(album, table)
    judge = judge_of(setting.job)
    drift = np.abs(before.astype(int) - after).mean((1, 2, 3)) / 255
    score = score_groups(table, judge.read(after), judge.read(before), drift, faces=True)["forgotten"]
    told = score.told()
    return {key: told[key] for key in ("shown", "shown_base", "face", "neutral", "drift")}
