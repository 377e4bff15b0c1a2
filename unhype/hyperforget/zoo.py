"""The zoo: trained nets with their losses, from which the diffusion learns.

``scratch``: half of the runs learn all digits D, half D_r alone (D without the digit to forget). ``paths``: every run
learns D, then unlearns towards a loss of its own, c ~ U(0, highest), by  L_r + pressure · |L_f − c|. Only these fill the
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
from unhype.hyperforget import storing
from unhype.hyperforget.digits import Digits, Split
from unhype.hyperforget.nets import Shape, canonical, class_losses, cross_entropies, descend, initial

KINDS = ("paths", "scratch")
WHAT = "a zoo"

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
        steps, rate, decay: of learning; AdamW.
        unlearning_steps, unlearning_rate, pressure: of a path.
        highest: loss on the forgotten digit up to which paths lead, in nats.
    """

    kind: str = "paths"
    runs: int = 160
    class_runs: int = 320
    held_out: int = 32
    hidden: int = 12
    batch: int = 300
    steps: int = 400
    rate: float = 1e-2
    decay: float = 0.0
    unlearning_steps: int = 300
    unlearning_rate: float = 3e-3
    pressure: float = 0.3
    highest: float = 18.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"got the zoo {self.kind!r}, wanted {' or '.join(KINDS)}")
        if min(self.runs, self.class_runs, self.held_out) < 2:
            raise ValueError(f"got {min(self.runs, self.class_runs, self.held_out)} runs, wanted at least two of each")
        if min(self.hidden, self.batch, self.steps, self.unlearning_steps, self.highest) <= 0:
            raise ValueError(f"got {self}, wanted neurons, pictures, steps and a highest loss above 0")


@dataclass(frozen=True)
class Zoo:
    """Trained nets, in canonical form.

    Attributes:
        nets: ``[runs, times, size]``, on their way.
        losses: mean cross-entropy on each class of the training pictures ``[runs, times, classes]``.
        starts: the nets that know every digit ``[runs, size]``, from which paths set out.
        forgotten: the digit of each run ``[runs]``.
        held_out: nets that know every digit ``[held_out, size]``, of runs that are not in the zoo.
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


def recipe(settings: ZooSettings, forgettable: Sequence[int], seed: int) -> dict[str, Any]:
    """What a zoo is made by: two with the same recipe have the same nets."""
    shape = asdict(Shape(hidden=settings.hidden))
    return {"settings": asdict(settings), "forgettable": list(forgettable), "seed": seed, "shape": shape}


def build(settings: ZooSettings, split: Split, forgettable: Sequence[int], path: Path) -> Zoo:
    """Train a zoo and write it; one that lies there is read.

    Args:
        forgettable: digits that runs forget, one each.

    Raises:
        UnhypeError: a digit that there is none of in the split, or see :func:`load`.
    """
    if path.exists():
        return load(path, recipe(settings, forgettable, split.seed))
    for digit in forgettable:
        for part, data in (("training", split.train), ("test", split.test)):
            if digit not in data.y:
                raise UnhypeError(f"got no {digit} among the {part} pictures, wanted some to forget: another seed")
    shape, generator = Shape(hidden=settings.hidden), torch.Generator().manual_seed(split.seed)
    runs = settings.runs if len(forgettable) == 1 else settings.class_runs
    forgotten = torch.tensor(forgettable)[torch.arange(runs) % len(forgettable)]
    everyone = initial(runs + settings.held_out, shape, generator)
    scratch = torch.arange(len(everyone)) % 2 if settings.kind == "scratch" else torch.zeros(len(everyone))
    scratch[runs:] = 0  # those held out know every digit
    kept = 1 - scratch[:, None] * torch.cat([forgotten, forgotten[:1].expand(settings.held_out)]) [:, None].eq(split.train.y)
    times = _times(20, settings.steps, LEARNING if settings.kind == "paths" else LEARNING + UNLEARNING)
    ways = _kept(learn(everyone, split.train, settings, shape, generator, kept), times)
    everyone, ways = ways[-1], [nets[:runs] for nets in ways]
    if settings.kind == "paths":
        c = settings.highest * torch.rand(runs, generator=generator)
        walk = unlearn(everyone[:runs], c, forgotten, split.train, settings, shape, generator)
        ways += _kept(walk, _times(2, settings.unlearning_steps, UNLEARNING))
    nets = canonical(torch.stack(ways, 1), shape)
    losses = torch.stack([class_losses(time, split.train, shape) for time in nets.unbind(1)], 1)
    starts = canonical(everyone, shape)
    tensors = {"nets": nets, "losses": losses, "starts": starts[:runs], "forgotten": forgotten, "held_out": starts[runs:]}
    storing.save(path, tensors, {"what": WHAT, **recipe(settings, forgettable, split.seed)})
    return load(path, recipe(settings, forgettable, split.seed))


def load(path: Path, wanted: dict[str, Any]) -> Zoo:
    """Read a zoo of the recipe that is wanted.

    Raises:
        UnhypeError: a damaged file, or a zoo of another seed (and so another split), shape, digit or training.
    """
    tensors, card = storing.load(path, WHAT)
    for key, value in wanted.items():
        if card.get(key) != value:
            raise UnhypeError(f"got a zoo with {key} {card.get(key)} in {path}, wanted {value}: remove it, or name another")
    return Zoo(**tensors, card=card)


def learn(
    nets: torch.Tensor,
    data: Digits,
    settings: ZooSettings,
    shape: Shape,
    generator: torch.Generator,
    kept: torch.Tensor | None = None,
) -> Iterator[torch.Tensor]:
    """Train nets ``[n, size]`` on pictures, yielding them after each step.

    Args:
        kept: 1 where a net is shown a picture and 0 where it is not, ``[n, m]``; all are where it is left out.
    """

    def loss(nets: torch.Tensor) -> torch.Tensor:
        chosen = torch.randint(len(data.y), (settings.batch,), generator=generator)
        found = cross_entropies(nets, Digits(data.x[chosen], data.y[chosen]), shape)
        return found.mean(-1) if kept is None else (found * kept[:, chosen]).sum(-1) / kept[:, chosen].sum(-1)

    return descend(nets, loss, settings.steps, settings.rate, settings.decay)


def unlearn(
    nets: torch.Tensor,
    c: torch.Tensor,
    forgotten: torch.Tensor,
    data: Digits,
    settings: ZooSettings,
    shape: Shape,
    generator: torch.Generator,
) -> Iterator[torch.Tensor]:
    """Walk nets ``[n, size]`` towards losses ``c [n]`` on the digits ``forgotten [n]``, yielding them after each step."""
    shown = {int(digit): data.only(int(digit)) for digit in forgotten.unique()}

    def loss(nets: torch.Tensor) -> torch.Tensor:
        chosen = torch.randint(len(data.y), (settings.batch,), generator=generator)
        kept = forgotten[:, None] != data.y[chosen]
        L_r = (cross_entropies(nets, Digits(data.x[chosen], data.y[chosen]), shape) * kept).sum(-1) / kept.sum(-1)
        L_f = torch.zeros_like(c)
        for digit, pictures in shown.items():
            mine = (forgotten == digit).nonzero()[:, 0]
            L_f = L_f.index_copy(0, mine, cross_entropies(nets[mine], pictures, shape).mean(-1))
        return L_r + settings.pressure * (L_f - c).abs()

    return descend(nets, loss, settings.unlearning_steps, settings.unlearning_rate, settings.decay)


def _times(first: int, last: int, count: int) -> list[int]:
    """Steps at which nets on their way are kept: dense at first, the last one among them."""
    return [round(t) for t in torch.logspace(math.log10(min(first, last)), math.log10(last), count).tolist()]


def _kept(walk: Iterator[torch.Tensor], times: list[int]) -> list[torch.Tensor]:
    """Copies of what a walk yields at some of its steps."""
    return [nets.clone() for step, nets in enumerate(walk, 1) for _ in range(times.count(step))]
