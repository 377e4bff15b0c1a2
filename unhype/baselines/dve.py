"""DVE (Zhang et al. 2026, arXiv 2602.01089): nothing is trained; the velocity is projected off what leads to a concept.

    d = v(z_t, t, c) − v(z_t, t, a)        v ← v − ⟨v − o, d⟩ / ‖d‖² · d

c is a forgotten concept, a its anchor, and o what the projection is measured from. The published facts that could be
had are the abstract's: a field of differences between concept and anchor, and the velocity projected onto it at every
step. They do not say what o is. So there are two forms: from nothing, o = 0, as the words read (``dve``), and from the
anchor's own velocity, o = v(z_t, t, a), which draws a concept that stands alone as its anchor (``dve_anchored``).

Nor do they say what tells a prompt with the concept from one without. Here it holds a concept if it says all of its
words; else, if CLIP finds it as like as the threshold asks, the nearest one. All others are left alone, to the bit. Of
several concepts one is taken out after the other.

At one z_t noise and velocity are linear in each other, so ε stands for v where a base predicts noise; with two halves
of guidance the conditional one is projected. A distilled base is asked about c and a at the strength that it is told.
The price: two predictions more for each concept of a prompt, at every step.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from unhype.baselines.adapters import vectors
from unhype.baselines.case import Case, Cost, Fit, OfCase, Step
from unhype.baselines.forward import first, instead, with_first
from unhype.baselines.gates import half_way, likeness, said
from unhype.eraser import identity
from unhype.families.family import Family
from unhype.families.text import Text


@dataclass(frozen=True)
class Dve:
    """Attributes:
    name: ``dve`` or ``dve_anchored``.
    """

    name: str = "dve"
    fits: str = "dve"
    needs: Sequence[Fit] = ()

    def fit(self, case: Case) -> Iterator[Step]:
        """Nothing to do."""
        yield from ()

    def eraser(self, case: Case) -> _Projected:
        centres = vectors(case, list(case.concepts))
        opens = half_way(case, centres)
        known = identity(case.family, case.base_hash, case.how, self.name, case.concepts, round(opens, 4))
        return _Projected(self.name, known, case, centres, opens, anchored=self.name == "dve_anchored")

    def cost(self, case: Case) -> Cost:
        """It keeps no numbers."""
        return Cost(0, 0)


@dataclass(frozen=True)
class _Projected(OfCase):
    centres: torch.Tensor
    opens: float
    anchored: bool

    def held(self, prompts: Sequence[str]) -> list[list[str]]:
        """The concepts that each prompt holds."""
        concepts = list(self.case.concepts)
        whole = said(list(prompts), concepts) == 1
        nearest, which = likeness(self.case, list(prompts), self.centres).max(1)
        return [
            [concept for concept, there in zip(concepts, row, strict=True) if there]
            or ([concepts[k]] if near > self.opens else [])
            for row, near, k in zip(whole.tolist(), nearest.tolist(), which.tolist(), strict=True)
        ]

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[np.ndarray]:
        family, how, anchors = self.case.family, self.case.how, self.case.concepts
        for start in range(0, len(prompts), how.batch):
            part = slice(start, start + how.batch)
            pairs = [[(concept, anchors[concept]) for concept in row] for row in self.held(prompts[part])]
            with projection(family, prompts[part], pairs, self.anchored):
                yield from family.draw(prompts[part], seeds[part], how)

    def untouched(self, prompts: Sequence[str]) -> np.ndarray:
        return np.array([not row for row in self.held(prompts)], dtype=bool)


@contextmanager
def projection(
    family: Family, prompts: Sequence[str], pairs: Sequence[Sequence[tuple[str, str]]], anchored: bool
) -> Iterator[None]:
    """The denoiser with its predictions projected while the context is open, for a batch of these prompts.

    Args:
        pairs: of each prompt, the concepts to take out and their anchors; a prompt with none is left alone.
    """
    if not any(pairs):
        yield
        return
    model, n = family.bare_denoiser, len(prompts)
    forward = model.forward
    signature = inspect.signature(forward)
    turns: list[tuple[Text, Text, torch.Tensor]] = []
    for k in range(max(map(len, pairs))):
        # A prompt that has none in this turn asks for itself, and its answer is not used.
        asks = [row[k] if k < len(row) else (prompt, prompt) for row, prompt in zip(pairs, prompts, strict=True)]
        has = torch.tensor([k < len(row) for row in pairs], device=family.device)
        concepts, anchors = zip(*asks, strict=True)
        turns.append((family.encode(concepts), family.encode(anchors), has))

    def projected(*args: Any, **named: Any) -> Any:
        call = signature.bind(*args, **named)
        given = dict(call.arguments)

        def asked(text: Text) -> torch.Tensor:
            call.arguments.update(family.with_text(given, _last_rows(family.text_in(given), text)))
            return first(forward(*call.args, **call.kwargs))[-n:]

        returned = forward(*args, **named)
        whole = first(returned)
        velocity = whole[-n:]
        for concept, anchor, has in turns:
            to_anchor = asked(anchor)
            less = off(velocity, asked(concept) - to_anchor, to_anchor if anchored else None)
            velocity = torch.where(has.view(-1, *[1] * (velocity.ndim - 1)), less, velocity)
        return with_first(returned, torch.cat([whole[:-n], velocity]))

    with instead(model, projected):
        yield


def off(velocity: torch.Tensor, direction: torch.Tensor, origin: torch.Tensor | None = None) -> torch.Tensor:
    """v − ⟨v − o, d⟩ / ‖d‖² · d, sample by sample; v itself, to the bit, where d is zero.

    Args:
        velocity, direction, origin: v, d and o, ``[n, …]``; o is zero if None.
    """
    d = direction.float().flatten(1)
    v = (velocity if origin is None else velocity - origin).float().flatten(1)
    square = (d * d).sum(1)
    share = torch.where(square > 0, (v * d).sum(1) / square.clamp(min=torch.finfo(d.dtype).tiny), 0)
    return velocity - (share[:, None] * d).view_as(velocity).to(velocity.dtype)


def _last_rows(rows: Sequence[torch.Tensor], text: Text) -> Text:
    """Rows of a call, with a text's in place of the last: what stands before them is guidance's unconditional half."""
    new = (text.states, *(() if text.pooled is None else (text.pooled,)))
    return Text(*(torch.cat([old[: len(old) - len(row)], row.to(old)]) for old, row in zip(rows, new, strict=True)))
