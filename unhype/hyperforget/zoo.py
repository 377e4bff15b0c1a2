"""The zoo: trained nets with their losses, from which the diffusion learns.

``scratch``: half of the runs learn all digits D, half D_r alone (D without the digit to forget). ``paths``: every run
learns D, then unlearns towards a loss of its own, c ~ U(0, highest), by L_r + pressure · |L_f − c|. Only these fill the
middle between a net that knows a digit and one that never saw it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from unhype.errors import UnhypeError
from unhype.files import read_carded, write_carded
from unhype.hyperforget.digits import Digits, Split
from unhype.hyperforget.nets import Shape, canonical, class_losses, cross_entropies, descend, initial

LEARNING, UNLEARNING = 6, 14
"""How many nets of a path are kept on its way to D, and from there."""


@dataclass(frozen=True)
class ZooSettings:
    """How nets are trained.

    Attributes:
        kind: ``paths`` or ``scratch``.
        runs: nets that are trained; ``class_runs`` where the digit to forget differs from run to run.
        held_out: nets beside them that the diffusion never sees.
        hidden: neurons of a net.
        batch: pictures a step.
        steps, rate: of learning, by Adam.
        unlearning_steps, unlearning_rate, pressure, highest: of a path.
    """

    kind: str = "paths"
    runs: int = 160
    class_runs: int = 320
    held_out: int = 32
    hidden: int = 12
    batch: int = 300
    steps: int = 400
    rate: float = 1e-2
    unlearning_steps: int = 300
    unlearning_rate: float = 3e-3
    pressure: float = 0.3
    highest: float = 18.0

    def __post_init__(self) -> None:
        if self.kind not in ("paths", "scratch"):
            raise ValueError(f"got the zoo {self.kind!r}, wanted paths or scratch")
        if (least := min(self.runs, self.class_runs, self.held_out)) < 2:
            raise ValueError(f"got {least} runs, wanted at least two of each")
        if min(self.hidden, self.batch, self.steps, self.unlearning_steps, self.highest) <= 0:
            raise ValueError(f"got {self}, wanted neurons, pictures, steps and a highest loss above 0")


@dataclass(frozen=True)
class Zoo:
    """Trained nets, in canonical form.

    Attributes:
        nets: ``[runs, times, size]``, on their way.
        losses: on each class of the training pictures ``[runs, times, classes]``.
        starts: the nets that know every digit ``[runs, size]``, from which paths set out.
        forgotten: the digit of each run ``[runs]``.
        held_out: nets that know every digit ``[held_out, size]``, of other runs.
        card: recipe and hash.
    """

    nets: torch.Tensor
    losses: torch.Tensor
    starts: torch.Tensor
    forgotten: torch.Tensor
    held_out: torch.Tensor
    card: dict[str, Any]

    @property
    def shape(self) -> Shape:
        """Of the nets."""
        return Shape(**self.card["shape"])

    @property
    def settings(self) -> ZooSettings:
        """By which they were trained."""
        return ZooSettings(**self.card["settings"])


def recipe(settings: ZooSettings, forgettable: Sequence[int], seed: int) -> dict[str, Any]:
    """What a zoo is made by: two with one recipe have the same nets."""
    shape = asdict(Shape(hidden=settings.hidden))
    return {"settings": asdict(settings), "forgettable": list(forgettable), "seed": seed, "shape": shape}


def load(path: Path, wanted: dict[str, Any]) -> Zoo:
    """Read the zoo of a recipe.

    Raises:
        UnhypeError: a damaged file, or a zoo of another seed (and so another split), shape, digit or training.
    """
    tensors, card = read_carded(path, "a zoo")
    for key, value in wanted.items():
        if card.get(key) != value:
            raise UnhypeError(
                f"got a zoo of {key} {card.get(key)} in {path}, wanted {value}: remove it, it is made anew"
            )
    return Zoo(**tensors, card=card)


def build(settings: ZooSettings, split: Split, forgettable: Sequence[int], path: Path) -> Zoo:
    """Train a zoo whose runs forget these digits, one each, and write it; one that lies there is read.

    Raises:
        UnhypeError: a digit that the split shows none of, or see :func:`load`.
    """
    made_by = recipe(settings, forgettable, split.seed)
    if path.exists():
        return load(path, made_by)
    for part, data in (("training", split.train), ("test", split.test)):
        if missing := [digit for digit in forgettable if digit not in data.y]:
            raise UnhypeError(f"got no {missing[0]} among the {part} pictures, wanted some to forget: another seed")
    shape, generator = Shape(hidden=settings.hidden), torch.Generator().manual_seed(split.seed)
    runs = settings.runs if len(forgettable) == 1 else settings.class_runs
    forgotten = torch.tensor(forgettable).repeat(runs)[:runs]
    everyone, paths = initial(runs + settings.held_out, shape, generator), settings.kind == "paths"
    blind = torch.full((len(everyone),), -1)  # to which digit; those held out know all
    if not paths:
        blind[1:runs:2] = forgotten[1::2]
    walk = learn(everyone, blind, split.train, settings, shape, generator)
    ways = _kept(walk, 20, settings.steps, LEARNING if paths else LEARNING + UNLEARNING)
    starts, held_out = canonical(ways[-1], shape).split([runs, settings.held_out])
    ways = [nets[:runs] for nets in ways]
    if paths:
        c = settings.highest * torch.rand(runs, generator=generator)
        walk = unlearn(ways[-1], c, forgotten, split.train, settings, shape, generator)
        ways += _kept(walk, 2, settings.unlearning_steps, UNLEARNING)
    losses = torch.stack([class_losses(nets, split.train, shape) for nets in ways], 1)
    nets = canonical(torch.stack(ways, 1), shape)
    tensors = {"nets": nets, "losses": losses, "starts": starts, "forgotten": forgotten, "held_out": held_out}
    write_carded(path, tensors, {"what": "a zoo", **made_by})
    return load(path, made_by)


def learn(
    nets: torch.Tensor, blind: torch.Tensor, data: Digits, how: ZooSettings, shape: Shape, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    """Train nets ``[n, size]`` on all digits but that to which each is ``blind [n]``; yields them after each step."""

    def loss(nets: torch.Tensor) -> torch.Tensor:
        return _kept_loss(nets, blind, data, how, shape, generator)

    return descend(nets, loss, how.steps, how.rate)


def unlearn(
    nets: torch.Tensor,
    c: torch.Tensor,
    forgotten: torch.Tensor,
    data: Digits,
    how: ZooSettings,
    shape: Shape,
    generator: torch.Generator,
) -> Iterator[torch.Tensor]:
    """Walk nets ``[n, size]`` towards losses ``c [n]`` on digits ``forgotten [n]``; yields them after each step."""
    of_digit = [((forgotten == d).nonzero()[:, 0], data.only(int(d))) for d in forgotten.unique()]

    def loss(nets: torch.Tensor) -> torch.Tensor:
        L_f = torch.zeros_like(c)
        for mine, pictures in of_digit:
            L_f = L_f.index_copy(0, mine, cross_entropies(nets[mine], pictures, shape).mean(-1))
        return _kept_loss(nets, forgotten, data, how, shape, generator) + how.pressure * (L_f - c).abs()

    return descend(nets, loss, how.unlearning_steps, how.unlearning_rate)


def _kept_loss(
    nets: torch.Tensor, blind: torch.Tensor, data: Digits, how: ZooSettings, shape: Shape, generator: torch.Generator
) -> torch.Tensor:
    """L_r of each net on a fresh batch ``[n]``."""
    chosen = torch.randint(len(data.y), (how.batch,), generator=generator)
    seen = (blind[:, None] != data.y[chosen]).float()
    return (cross_entropies(nets, Digits(data.x[chosen], data.y[chosen]), shape) * seen).sum(-1) / seen.sum(-1)


def _kept(walk: Iterator[torch.Tensor], first: int, last: int, count: int) -> list[torch.Tensor]:
    """Copies of nets on their way, at ``count`` steps: dense at the first, and at the last."""
    times = [round(t) for t in torch.logspace(math.log10(min(first, last)), math.log10(last), count).tolist()]
    return [nets.clone() for step, nets in enumerate(walk, 1) for _ in range(times.count(step))]
