"""A concept set, and an untrained guard on a tiny base: strong enough that what it does can't be overlooked."""

from __future__ import annotations

import numpy as np
import torch

from unhype.bases.identity import identify
from unhype.concepts.schema import ConceptSet, Entry
from unhype.erasing.checkpoint import Trained
from unhype.erasing.fitting import fit_to_set
from unhype.erasing.guard import Guard
from unhype.erasing.hypernet import Hypernet, HypernetConfig
from unhype.families.family import Family
from unhype.pictures.sampling import Sampling

SET = ConceptSet("toy", "people", (Entry("Cher", "a woman"), Entry("Adam Driver", "a man")), ("Drake", "Bob Marley"))
HOW = Sampling(steps=2, guidance=3.0, batch=4)
FORGOTTEN, KEPT = "a photo of Cher", "a photo of Drake"


def guard_of(family: Family, canonical: bool = True, inversions: bool = False) -> Guard:
    """Random factors behind a switch that is fitted to :data:`SET`; random encoders know nothing of sentences.

    Args:
        canonical: whether H reads the names' own vectors.
        inversions: whether prompts may have learned tokens.
    """
    torch.manual_seed(0)
    hypernet = Hypernet(HypernetConfig(rank=2, alpha=100.0), family.sites, family.width)
    facts = {"base": "tiny", "family": family.name, "site_table": family.table, "reads": family.reads, "sha256": "x"}
    switch = fit_to_set(family, SET, sentences=False, canonical=canonical)
    return Guard(Trained(hypernet.eval(), switch, identify(family.parts), facts), inversions=inversions)


def draw(family: Family, prompts: list[str], how: Sampling = HOW) -> np.ndarray:
    """Pictures with the seeds 1, 2, 3 …"""
    return np.concatenate(list(family.draw(prompts, range(1, len(prompts) + 1), how)))
