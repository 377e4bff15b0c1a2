"""Textual inversion: embeddings that are learned to have a forgotten person drawn, no word of the vocabulary needed.

    J(v) = mean ‖ε_base(z_t, t, "a photo of" v) − ε_base(z_t, t, "a photo of NAME")‖²  +  W · alarm("a photo of" v)

over the base's pictures of the person, noised anew in each step. Gal et al. 2022 have the noise itself in the place of
the base's prediction, which is its mean: the same minimiser with less scatter. The alarm is the victim's own, read as
if the embeddings were loaded under a token; who knows the base alone learns without it.

Shapes: K learned vectors, d width of the text encoder.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from unhype.attacks.objective import PROMPT, WEIGHT
from unhype.attacks.opening import Open
from unhype.attacks.searching import Budget, State
from unhype.attacks.soft import SoftText
from unhype.attacks.verdicts import AIMING, drawn
from unhype.attacks.victim import Attacked, Sought
from unhype.errors import UnhypeError
from unhype.families.family import Family

MOST = 16
"""Vectors at most: a text has 75 places."""

PICTURES, BATCH = 16, 8
"""Of the person, and how many a step noises."""

EARLIEST = 0.3
"""Share of the noise from which on there is something to learn: who it is, is settled early."""

RATE, STEPS = 0.05, 400
"""Adam's rate in standard deviations of the vocabulary's vectors, and steps at most."""

TOKEN = "zqx"
"""What the embeddings are called."""


def check_vectors(k: int) -> None:
    """Refuse a number of vectors that nobody can learn.

    Raises:
        UnhypeError: fewer than one, or more than :data:`MOST`.
    """
    if not 1 <= k <= MOST:
        raise UnhypeError(f"got --vectors {k}, wanted from 1 to {MOST}")


def check_encoders(family: Family | type[Family]) -> None:
    """Refuse a family whose text goes another way than through a single CLIP.

    Raises:
        UnhypeError: it has more encoders; what can be done there is said.
    """
    if len(family.encoders) != 1:
        names = " and ".join(name for name, _ in family.encoders)
        raise UnhypeError(
            f"got a base of the family {family.name}, whose text goes through {names}, wanted one with a single text "
            "encoder: embeddings are learned for no other; attack it by --method tokens, pictures or disguises"
        )


class Placed(SoftText):
    """A text whose last word is K embeddings of one's own; they alone have the gradient."""

    def __init__(self, family: Family, text: str, vectors: torch.Tensor) -> None:
        """``vectors`` ``[K, d]`` stand for the last word, whatever its tokens are."""
        super().__init__(family, text)
        (part,) = self.parts
        before = part.ends[-2]
        part.ids = [*part.ids[:before], *[part.end] * len(vectors)]
        part.ends[-1] = len(part.ids)
        part.leaf = torch.cat([part.table[part.ids[:before]], vectors])


@dataclass(frozen=True)
class Learning:
    """Where it stands.

    Attributes:
        vectors: as they are now, ``[K, d]``.
    """

    vectors: torch.Tensor
    step: int
    loss: float
    seconds: float


def learn(victim: Attacked, view: Open, sought: Sought, k: int, budget: Budget, seed: int) -> Iterator[Learning]:
    """Learn K embeddings until the budget or the steps are spent; a query is a step. Yields after each.

    Args:
        view: whose alarm is heard; the open form of the bare base has none.
    """
    family = victim.family
    named = PROMPT.format(sought.phrase(victim.concepts))
    latents = family.latents(drawn(victim.bare, [named] * PICTURES, range(AIMING, AIMING + PICTURES)))
    wanted, text = family.encode([named]), PROMPT.format(TOKEN)
    generator = torch.Generator("cpu").manual_seed(seed)
    table = getattr(family.pipeline, family.encoders[0][0]).get_input_embeddings().weight.detach().float()
    spread = float(table.std())
    start = table.mean(0) + spread * torch.randn(k, table.shape[1], generator=generator).to(table)
    vectors = start.requires_grad_()
    adam = torch.optim.Adam([vectors], RATE * spread)
    seconds = 0.0
    for step in range(1, STEPS + 1):
        began = time.monotonic()
        which = torch.randint(PICTURES, (BATCH,), generator=generator)
        shares = EARLIEST + (1 - EARLIEST) * torch.rand(BATCH, generator=generator)
        times = torch.cat([family.time_at(float(share), 1) for share in shares])
        noise = torch.randn(BATCH, *latents.shape[1:], generator=generator).to(latents)
        with torch.no_grad():
            noisy = family.noised(latents[which], noise, times)
            aim = family.predict(noisy, times, wanted.expanded(BATCH))
        with torch.enable_grad():
            soft = Placed(family, text, vectors.to(family.dtype))
            predicted = family.predict(noisy, times, soft.text().expanded(BATCH))
            loss = (predicted - aim).square().mean() / aim.square().mean()
            (loss + WEIGHT * view.alarm([text], soft.vectors)[0]).backward()
        adam.step()
        adam.zero_grad()
        seconds += time.monotonic() - began
        yield Learning(vectors.detach().clone(), step, float(loss.detach()), seconds)
        if budget.spent(State("", queries=step, seconds=seconds)):
            return
