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
from unhype.hyperforget.digits import CLASSES, Digits, Split
from unhype.hyperforget.nets import Shape, canonical, class_losses, cross_entropies, descend, initial
from unhype.tensors import read_carded, write_carded

LEARNING, UNLEARNING = 6, 14
"""How many nets of a path are kept on its way to D, and from there."""


@dataclass(frozen=True)
class ZooSettings:
    """How nets are trained: by Adam, ``batch`` pictures a step; first on D (``steps``, ``rate``), then along paths;
    ``class_runs`` are trained where the digit to forget differs from run to run, ``held_out`` are not in the zoo.
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
        if self.kind not in ("paths", "scratch") or min(self.runs, self.class_runs, self.held_out) < 2:
            raise ValueError(f"got {self}, wanted the kind paths or scratch, and at least two runs of each sort")
        if min(self.hidden, self.batch, self.steps, self.unlearning_steps, self.highest) <= 0:
            raise ValueError(f"got {self}, wanted neurons, pictures, steps and a highest loss above 0")


@dataclass(frozen=True)
class Zoo:
    """Trained nets in canonical form.

    Attributes:
        nets: on their way ``[runs, times, size]``, with their ``losses`` on each class of the training pictures.
        starts: where they knew every digit ``[runs, size]``, from which paths set out.
        forgotten: the digit of each run ``[runs]``.
        held_out: nets of other runs that know every digit ``[held_out, size]``.
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
        return Shape(**self.card["shape"])

    @property
    def settings(self) -> ZooSettings:
        return ZooSettings(**self.card["settings"])


def recipe(settings: ZooSettings, forgettable: Sequence[int], seed: int) -> dict[str, Any]:
    """What a zoo is made by: two with one recipe have the same nets."""
    shape = asdict(Shape(hidden=settings.hidden))
    return {"settings": asdict(settings), "forgettable": list(forgettable), "seed": seed, "shape": shape}


def load(path: Path, wanted: dict[str, Any]) -> Zoo:
    """Read the zoo of a recipe; one of another seed (and so another split), shape, digit or training is refused."""
    tensors, card = read_carded(path, "a zoo")
    for key, value in wanted.items():
        if card.get(key) != value:
            raise UnhypeError(f"got a zoo of {key} {card.get(key)} in {path}, wanted {value}: remove it, it is remade")
    return Zoo(**tensors, card=card)


def build(settings: ZooSettings, split: Split, forgettable: Sequence[int], path: Path) -> Zoo:
    """Train a zoo whose runs forget these digits, one each, and write it; one that lies there is read.

    A split that lacks a digit is refused, as is a file of another zoo.
    """
    made_by = recipe(settings, forgettable, split.seed)
    if path.exists():
        return load(path, made_by)
    for part, data in (("training", split.train), ("test", split.test)):
        if missing := [digit for digit in range(CLASSES) if digit not in data.y]:
            raise UnhypeError(f"got no {missing[0]} among the {part} pictures, wanted some of each digit: another seed")
    teacher = Teacher(split.train, settings, split.seed)
    runs = settings.runs if len(forgettable) == 1 else settings.class_runs
    forgotten = torch.tensor(forgettable).repeat(runs)[:runs]
    blind, paths = torch.full((runs + settings.held_out,), -1), settings.kind == "paths"  # -1: to no digit
    if not paths:
        blind[1:runs:2] = forgotten[1::2]
    ways = _kept(teacher.learn(blind), 20, settings.steps, LEARNING if paths else LEARNING + UNLEARNING)
    starts, held_out = canonical(ways[-1], teacher.shape).split([runs, settings.held_out])
    ways = [nets[:runs] for nets in ways]
    if paths:
        c = settings.highest * torch.rand(runs, generator=teacher.generator)
        ways += _kept(teacher.unlearn(ways[-1], c, forgotten), 2, settings.unlearning_steps, UNLEARNING)
    losses = torch.stack([class_losses(nets, split.train, teacher.shape) for nets in ways], 1)
    nets = canonical(torch.stack(ways, 1), teacher.shape)
    tensors = {"nets": nets, "losses": losses, "starts": starts, "forgotten": forgotten, "held_out": held_out}
    write_carded(path, tensors, {"what": "a zoo", **made_by})
    return load(path, made_by)


class Teacher:
    """Trains nets ``[n, size]``, all at once and each by itself, and yields them after each step."""

    def __init__(self, data: Digits, how: ZooSettings, seed: int) -> None:
        self.data, self.how, self.shape = data, how, Shape(hidden=how.hidden)
        self.generator = torch.Generator().manual_seed(seed)

    def learn(self, blind: torch.Tensor) -> Iterator[torch.Tensor]:
        """Fresh nets learn all digits but that to which each is ``blind [n]``."""
        nets = initial(len(blind), self.shape, self.generator)
        return descend(nets, lambda nets: self._kept_loss(nets, blind), self.how.steps, self.how.rate)

    def unlearn(self, nets: torch.Tensor, c: torch.Tensor, forgotten: torch.Tensor) -> Iterator[torch.Tensor]:
        """Nets walk towards losses ``c [n]`` on the digits ``forgotten [n]``."""
        of_digit = [((forgotten == d).nonzero()[:, 0], self.data.only(int(d))) for d in forgotten.unique()]

        def loss(nets: torch.Tensor) -> torch.Tensor:
            L_f = torch.zeros_like(c)
            for mine, pictures in of_digit:
                L_f = L_f.index_copy(0, mine, cross_entropies(nets[mine], pictures, self.shape).mean(-1))
            return self._kept_loss(nets, forgotten) + self.how.pressure * (L_f - c).abs()

        return descend(nets, loss, self.how.unlearning_steps, self.how.unlearning_rate)

    def _kept_loss(self, nets: torch.Tensor, blind: torch.Tensor) -> torch.Tensor:
        """Of each net on a fresh batch, without the pictures of the digit to which it is blind ``[n]``."""
        chosen = torch.randint(len(self.data.y), (self.how.batch,), generator=self.generator)
        batch = Digits(self.data.x[chosen], self.data.y[chosen])
        seen = (blind[:, None] != batch.y).float()
        return (cross_entropies(nets, batch, self.shape) * seen).sum(-1) / seen.sum(-1)


def _kept(walk: Iterator[torch.Tensor], first: int, last: int, count: int) -> list[torch.Tensor]:
    """Copies of nets on their way, at ``count`` steps: dense at the first, and at the last."""
    times = [round(t) for t in torch.logspace(math.log10(min(first, last)), math.log10(last), count).tolist()]
    return [nets.clone() for step, nets in enumerate(walk, 1) for _ in range(times.count(step))]
