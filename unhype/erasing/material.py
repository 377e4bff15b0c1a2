"""What training reads: prompts from the tables, and latents of pictures that the base itself draws.

Three kinds of rows: a forgotten concept alone, which becomes its anchor; one beside another person, where it alone
becomes its anchor; and a prompt to keep under a forgotten concept's own LoRA, which must change nothing: what a LoRA
does not touch, a false alarm of the switch can't harm.

z_t is a noised picture of the forgotten concept or of its anchor, half and half: at inference the trajectory begins as
one and ends as the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import pandas as pd
import torch

from unhype.erasing.phrases import Reading, joined, reader
from unhype.erasing.switch import Switch
from unhype.errors import UnhypeError
from unhype.evaluation.album import Album
from unhype.families.family import Family

Tables = Mapping[str, pd.DataFrame]
"""What :func:`unhype.prompts.tables.training_tables` gives."""

NEAREST = 0.1
"""Of all prompts to keep those whose concepts lie nearest to a forgotten one: its neighbours."""

PAIR_PICTURES = 32
"""Pictures of pairs, and as many with the anchor in place, which all rows of pairs share."""


@dataclass(frozen=True)
class Shares:
    """Which rows a step reads, as shares of all; the rest are concepts alone.

    Attributes:
        pairs: concepts beside somebody else.
        kept: prompts to keep under a concept's LoRA: who is mistaken for the concept stays, and so does company
            (docs/experiments/head.md). A set without pairs has none, since they make H timid where it reads a synonym
            for the first time.
    """

    pairs: float = 0.3
    kept: float = 0.35

    def __post_init__(self) -> None:
        if not (self.pairs >= 0 and self.kept >= 0 and self.pairs + self.kept < 1):
            raise ValueError(f"got {self}, wanted shares ≥ 0 that leave some of a step to concepts alone")


@dataclass(frozen=True)
class Material:
    """What one training run reads.

    Attributes:
        prompts, anchors: a prompt and what it should be drawn as, row by row.
        reading: what the hypernetwork reads for each row.
        retained: what it reads of prompts to keep.
        latents: z_0 of base pictures ``[m, C, h, w]``.
        rows: for each row of ``prompts``, the latents that may be noised for it, ``int [n, k]``.
        chance: of each row to be drawn, ``[n]``; all alike if None.
    """

    prompts: Sequence[str]
    anchors: Sequence[str]
    reading: Reading
    retained: Reading
    latents: torch.Tensor
    rows: np.ndarray
    chance: np.ndarray | None = None

    def __post_init__(self) -> None:
        counts = [len(part) for part in (self.prompts, self.anchors, self.reading, self.rows)]
        if len(set(counts)) > 1 or not self.prompts:
            raise UnhypeError(f"got {counts} prompts, anchors, readings and rows, wanted equally many and at least one")

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n rows, by their chance."""
        return rng.choice(len(self.prompts), size=n, p=self.chance)

    def noised(
        self, family: Family, chosen: np.ndarray, rng: np.random.Generator, earliest: float, law: str = ""
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """z_t ``[n, C, h, w]`` and t ``[n]`` for ``chosen`` rows; no time below ``earliest``, a share of all."""
        rows = self.rows[chosen, rng.integers(self.rows.shape[1], size=len(chosen))]
        latents = self.latents[torch.from_numpy(rows)].to(family.device)
        times = family.times(len(chosen), rng, earliest, law)
        noise = torch.from_numpy(rng.standard_normal(tuple(latents.shape), dtype=np.float32)).to(latents.device)
        return family.noised(latents, noise, times), times


def mixed(parts: Sequence[Material], shares: Sequence[float]) -> Material:
    """One material of several on the same latents; the rows of a step come from each in proportion to ``shares``."""
    chance = np.concatenate(
        [np.full(len(part.prompts), share / len(part.prompts)) for part, share in zip(parts, shares, strict=True)]
    )
    prompts, anchors = (
        list(chain.from_iterable(getattr(part, side) for part in parts)) for side in ("prompts", "anchors")
    )
    width = max(part.rows.shape[1] for part in parts)
    rows = np.concatenate([part.rows[:, np.arange(width) % part.rows.shape[1]] for part in parts])
    return Material(
        prompts,
        anchors,
        joined([part.reading for part in parts]),
        parts[0].retained,
        parts[0].latents,
        rows,
        chance / chance.sum(),
    )


def pictures_needed(tables: Tables, per_concept: int) -> pd.DataFrame:
    """The pictures that training needs: columns ``key`` (a concept, or an anchor), ``prompt``, ``seed``.

    An anchor gets eight times as many as a concept.
    """
    train, pairs = tables["train"], tables["pairs"]
    parts = [
        _spread(rows, "prompt", per_concept).assign(key=f"concept {concept}")
        for concept, rows in train.groupby("concept", sort=False)
    ]
    parts += [
        _spread(rows, "anchor_prompt", 8 * per_concept).assign(key=f"anchor {anchor}")
        for anchor, rows in train.groupby("anchor", sort=False)
    ]
    if len(pairs):
        parts += [_spread(pairs, column, PAIR_PICTURES).assign(key="pairs") for column in ("prompt", "anchor_prompt")]
    return pd.concat(parts, ignore_index=True)


def _spread(rows: pd.DataFrame, column: str, n: int) -> pd.DataFrame:
    """``n`` rows from all over, so that templates and styles vary."""
    chosen = rows.iloc[np.linspace(0, len(rows) - 1, min(n, len(rows)) + 2).round().astype(int)[1:-1]]
    return pd.DataFrame({"prompt": chosen[column].to_numpy(), "seed": chosen["seed"].to_numpy()})


def build_material(
    family: Family, album: Album, tables: Tables, needed: pd.DataFrame, switch: Switch | None, shares: Shares
) -> Material:
    """Everything in memory; the pictures of :func:`pictures_needed` must be drawn.

    Args:
        switch: through which the hypernetwork reads phrases. Without one it reads whole prompts, and prompts to keep
            under a concept's LoRA have no meaning.
    """
    train, retain, pairs, read = tables["train"], tables["retain"], tables["pairs"], reader(family.vectors, switch)
    # The same parts as the family makes of all of them, so the same bits.
    pictures = album.batches(list(needed["prompt"]), list(needed["seed"]), parts=max(1, len(needed) // 32))
    latents = torch.cat([family.latents(part) for part in pictures])
    places: dict[str, np.ndarray] = {str(key): index.to_numpy() for key, index in needed.groupby("key").groups.items()}
    rows = []
    for i, (concept, anchor) in enumerate(zip(train["concept"], train["anchor"], strict=True)):
        own, other = places[f"concept {concept}"], places[f"anchor {anchor}"]
        rows.append(np.concatenate([own, other[(i + np.arange(len(own))) % len(other)]]))
    alone = Material(
        list(train["prompt"]),
        list(train["anchor_prompt"]),
        read(list(train["prompt"])),
        read(list(retain["prompt"])),
        latents,
        np.stack(rows),
    )
    if not len(pairs):
        return alone
    shared = np.stack(
        [(np.arange(4) * len(places["pairs"]) // 4 + i) % len(places["pairs"]) for i in range(len(pairs))]
    )
    prompts = list(pairs["prompt"])
    beside = Material(
        prompts, list(pairs["anchor_prompt"]), read(prompts), alone.retained, latents, places["pairs"][shared]
    )
    if not switch or not len(retain):
        return mixed([alone, beside], [1 - shares.pairs, shares.pairs])
    concepts = [switch.concepts.index(concept) for concept in train["concept"]]
    near = switch.similarity(family.vectors(list(retain["text"]))).T[concepts]
    kept = _kept(alone, list(retain["prompt"]), near)
    return mixed([alone, beside, kept], [1 - shares.pairs - shares.kept, shares.pairs, shares.kept])


def _kept(material: Material, prompts: Sequence[str], near: torch.Tensor) -> Material:
    """As many prompts to keep as there are rows, each its own anchor.

    Each is read as if the phrase of its row's concept had been found in it. Every third one is a neighbour's: a LoRA
    harms those that lie near its concept most, and they are taken for it most often.

    Args:
        near: how near what each prompt speaks of lies to the concept of each row, ``[rows, prompts]``.
    """
    nearest = near.argsort(stable=True, dim=1, descending=True)[:, : max(1, round(NEAREST * len(prompts)))]
    others = []
    for i, own in enumerate(nearest.tolist()):
        # A step that shares no divisor with most counts: every prompt meets other concepts.
        step = i * 131 + 17
        others.append(prompts[own[step % len(own)] if i % 3 == 2 else step % len(prompts)])
    return replace(material, prompts=others, anchors=others)
