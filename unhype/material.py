"""What training reads: prompts from the tables, and latents of pictures that the base itself draws.

z_t is a noised picture of the forgotten concept or of its anchor, half and half: at inference the trajectory begins as one and ends as the other.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from unhype.evaluation.album import Album
from unhype.families.stable_diffusion import StableDiffusion
from unhype.pixels import to_model_range
from unhype.prompts import training_tables
from unhype.switch import Switch, fit_switch
from unhype.trainer import Material

if TYPE_CHECKING:
    from unhype.concepts.schema import ConceptSet


def pictures_needed(train: pd.DataFrame, per_concept: int) -> pd.DataFrame:
    """The pictures that training needs: columns ``key`` (a concept, or an anchor), ``prompt``, ``seed``; an anchor gets eight times as many as a concept."""
    parts = [_spread(rows, "prompt", per_concept).assign(key=f"concept {concept}") for concept, rows in train.groupby("concept", sort=False)]
    parts += [_spread(rows, "anchor_prompt", 8 * per_concept).assign(key=f"anchor {anchor}") for anchor, rows in train.groupby("anchor", sort=False)]
    return pd.concat(parts, ignore_index=True)


def _spread(rows: pd.DataFrame, column: str, n: int) -> pd.DataFrame:
    """``n`` rows from all over, so that templates and styles vary."""
    chosen = rows.iloc[np.linspace(0, len(rows) - 1, min(n, len(rows)) + 2).round().astype(int)[1:-1]]
    return pd.DataFrame({"prompt": chosen[column].to_numpy(), "seed": chosen["seed"].to_numpy()})


def build_material(family: StableDiffusion, album: Album, train: pd.DataFrame, retain: pd.DataFrame, needed: pd.DataFrame) -> Material:
    """Everything in memory; the pictures of :func:`pictures_needed` must be drawn."""
    latents = _latents(family, album.read(list(needed["prompt"]), list(needed["seed"])))
    places: dict[str, np.ndarray] = {str(key): index.to_numpy() for key, index in needed.groupby("key").groups.items()}
    rows = []
    for i, (concept, anchor) in enumerate(zip(train["concept"], train["anchor"], strict=True)):
        own, other = places[f"concept {concept}"], places[f"anchor {anchor}"]
        rows.append(np.concatenate([own, other[(i + np.arange(len(own))) % len(other)]]))
    return Material(list(train["prompt"]), list(train["anchor_prompt"]), list(retain["prompt"]), latents, np.stack(rows))


@torch.no_grad()
def _latents(family: StableDiffusion, pixels: np.ndarray) -> torch.Tensor:
    vae, device = family.pipeline.vae, family.unet.device
    parts = [vae.encode(to_model_range(part, device).to(vae.dtype)).latent_dist.mean for part in np.array_split(pixels, max(1, len(pixels) // 32))]
    return torch.cat(parts).float() * vae.config.scaling_factor


def fit_to_tables(family: StableDiffusion, train: pd.DataFrame, retain: pd.DataFrame) -> Switch:
    """The switch of these tables: every forgotten and retained concept in every training template."""
    return fit_switch(list(train["concept"].unique()), _grid(family, train), _grid(family, retain))


def likeness(family: StableDiffusion, concepts: ConceptSet) -> tuple[dict[tuple[str, str], float], float]:
    """How alike the base finds forgotten and retained concepts: (forgotten, retained) → cosine in the switch's geometry, and where the switch would open.

    A few templates are enough to see neighbours; training fits the switch on all.
    """
    tables = training_tables(concepts)
    few = sorted(tables["train"]["template"].unique())[::5]
    train, retain = (table[table["template"].isin(few)] for table in tables.values())
    if retain.empty:
        return {}, 1.0
    switch = fit_to_tables(family, train, retain)
    alike = switch.similarity(_grid(family, retain).flatten(0, 1)).view(retain["concept"].nunique(), len(few), -1).mean(1)
    pairs = {(forgotten, kept): float(alike[i, k]) for i, kept in enumerate(retain["concept"].unique()) for k, forgotten in enumerate(switch.concepts)}
    return pairs, switch.threshold


def _grid(family: StableDiffusion, table: pd.DataFrame) -> torch.Tensor:
    """Vectors of a table that crosses concepts with templates, ``[concepts, templates, d]``."""
    prompts = list(chain.from_iterable(rows["prompt"] for _, rows in table.groupby("concept", sort=False)))
    vectors = torch.cat([family.encode(prompts[i : i + 128]).pooled for i in range(0, len(prompts), 128)])
    return vectors.view(table["concept"].nunique(), -1, family.width)
