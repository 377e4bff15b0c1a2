"""HyperForget: losses in, a net out. What the paper calls DiHyFo-1 and -2, as far as its abstract tells them.

What a net is asked for is its *signal*, mean cross-entropies in nats on the pictures to learn from: ``one`` is L_f
(DiHyFo-1), ``two`` are L_f and L_r (DiHyFo-2), ``classes`` are those of all ten digits, so that the digit to forget is
chosen when sampling. It *starts* from ``none`` (θ out of noise) or from a ``trained`` net (Δθ out of noise).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unhype.errors import UnhypeError
from unhype.files import read_carded, write_carded
from unhype.hyperforget.denoiser import Denoiser, DenoiserSettings
from unhype.hyperforget.diffusion import denoised
from unhype.hyperforget.digits import CLASSES, Digits
from unhype.hyperforget.nets import Shape, canonical, nets_of, parts_of
from unhype.hyperforget.zoo import Zoo

SIGNALS = {"one": 1, "two": 2, "classes": CLASSES}
STARTS = ("none", "trained")
WHAT = "a HyperForget model"

FAINT = 1e-3
"""Least second moment of an input that counts: some pixels are black in every picture."""


def check_asked(signal: str, start: str, zoo: str) -> None:
    """Refuse what is no model of ours, before any work."""
    for got, known in ((signal, tuple(SIGNALS)), (start, STARTS)):
        if got not in known:
            raise UnhypeError(f"got {got!r}, wanted one of {', '.join(known)}")
    if start == "trained" and zoo != "paths":
        raise UnhypeError(
            f"got the start trained with a zoo {zoo}, wanted paths: these alone set out from trained nets"
        )


def signal_of(losses: torch.Tensor, forgotten: torch.Tensor, signal: str) -> torch.Tensor:
    """Losses on each class ``[runs, times, classes]`` → ``[runs, times, signals]``; L_r is a mean of classes."""
    if signal == "classes":
        return losses
    L_f = losses.gather(-1, forgotten[:, None, None].expand(-1, losses.shape[1], 1))
    L_r = (losses.sum(-1, keepdim=True) - L_f) / (losses.shape[-1] - 1)
    return L_f if signal == "one" else torch.cat([L_f, L_r], dim=-1)


class HyperForget(nn.Module):
    """A denoiser with all that shapes what it samples; ``card`` says what it was made for and from.

    Its coordinates are those in which distance is that of functions: what comes into a neuron is multiplied by the root
    of the inputs' second moment, so that an error of a weight counts as much as the pictures let it.
    """

    root: torch.Tensor
    mean: torch.Tensor
    scale: torch.Tensor
    least: torch.Tensor
    most: torch.Tensor
    usual: torch.Tensor

    def __init__(self, card: dict[str, Any]) -> None:
        super().__init__()
        self.card, self.shape = card, Shape(**card["shape"])
        self.signal, self.started = str(card["signal"]), card["start"] == "trained"
        count, size, inputs = SIGNALS[self.signal], self.shape.size, self.shape.inputs + 1
        self.denoiser = Denoiser(DenoiserSettings(**card["denoiser"]), self.shape, count, self.started)
        sizes = {"root": (inputs, inputs), "mean": (size,), "scale": (2, size)}
        for name, shape in {**sizes, **dict.fromkeys(("least", "most", "usual"), (count,))}.items():
            self.register_buffer(name, torch.ones(shape))

    def forward(
        self, x: torch.Tensor, t: torch.Tensor, asked: torch.Tensor, starts: torch.Tensor | None
    ) -> torch.Tensor:
        """x_t ``[n, size]`` → what x_0 is thought to be, both in the model's coordinates; starts are nets."""
        begun = None if starts is None else self.turned(starts) / self.scale[1]
        found: torch.Tensor = self.denoiser(x, t, asked, begun)
        return found

    def turned(self, nets: torch.Tensor, back: bool = False) -> torch.Tensor:
        """Nets ``[…, size]`` with what comes into their neurons multiplied by the root, or by its inverse."""
        inward, outward, bias = parts_of(nets, self.shape)
        return nets_of(inward @ (torch.linalg.inv(self.root) if back else self.root), outward, bias)

    @torch.no_grad()
    def sample(
        self, asked: torch.Tensor, seeds: Sequence[int], starts: torch.Tensor | None = None, steps: int | None = None
    ) -> torch.Tensor:
        """Nets ``[n, size]``; no picture is looked at.

        Args:
            asked: signals ``[n, signals]``, from :meth:`ask`.
            seeds: of the noise, one each: a net does not depend on what is sampled beside it.
            starts: trained nets ``[n, size]``, for a model that starts from one.
            steps: of denoising, by default as the card says.

        Raises:
            UnhypeError: a start where none is wanted, none where one is, or one of another shape.
        """
        wanted = f"{len(asked)} trained nets of {self.shape.size} numbers" if self.started else "none"
        if (starts is not None) != self.started or (
            starts is not None and starts.shape != (len(asked), self.shape.size)
        ):
            got = "no net" if starts is None else f"nets of {tuple(starts.shape)}"
            raise UnhypeError(f"got {got} to start from, wanted {wanted}, as this model was trained")
        starts = None if starts is None else canonical(starts, self.shape)
        noise = [torch.randn(self.shape.size, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        x0 = denoised(
            lambda x, t: self(x, torch.full((len(x),), t), asked, starts),
            torch.stack(noise),
            int(self.card["sampling"]) if steps is None else steps,
        )
        nets = self.turned(x0 * self.scale[0] + self.mean, back=True)
        return nets if starts is None else starts + nets

    def ask(self, forget: Sequence[int], loss: float) -> torch.Tensor:
        """The signal ``[signals]`` of a net whose loss on these digits is ``loss``, and as usual on all others.

        Raises:
            UnhypeError: digits that this model does not forget, or a loss that no net of its zoo had.
        """
        if odd := [digit for digit in forget if digit not in range(CLASSES)]:
            raise UnhypeError(f"got the digit {odd[0]} to forget, wanted one from 0 to {CLASSES - 1}")
        if not 0 < len(set(forget)) < CLASSES:
            raise UnhypeError(f"got {len(set(forget))} digits to forget, wanted at least one, and one that is kept")
        if self.signal != "classes" and set(forget) != {self.card["digit"]}:
            got = ", ".join(map(str, forget))
            raise UnhypeError(f"got {got} to forget, wanted {self.card['digit']}: this model forgets no other digit")
        low, high = float(self.least[0]), float(self.most[0])
        if not low <= loss <= high:  # NaN is not
            raise UnhypeError(f"got the loss {loss}, wanted one from {low:.3g} to {high:.3g}, as nets of its zoo have")
        asked = self.usual.clone()
        asked[list(forget) if self.signal == "classes" else [0]] = loss
        return asked


def made_for(zoo: Zoo, data: Digits, signal: str, start: str, digit: int, denoiser: DenoiserSettings) -> HyperForget:
    """A model before it is trained, with a zoo's and its pictures' moments.

    Args:
        data: to learn from.
        digit: that is forgotten; with ``classes`` the one that no net of the zoo has forgotten.
    """
    check_asked(signal, start, zoo.settings.kind)
    seed, shape = int(zoo.card["seed"]), zoo.shape
    torch.manual_seed(seed)
    made = {"digit": digit, "seed": seed, "shape": asdict(shape), "denoiser": asdict(denoiser), "zoo": zoo.card["hash"]}
    model = HyperForget({"what": WHAT, "signal": signal, "start": start, **made})
    x = torch.cat([data.x, torch.ones(len(data.x), 1)], dim=-1)
    values, vectors = torch.linalg.eigh(x.T @ x / len(x))
    model.root.copy_(vectors * values.clamp(min=FAINT).sqrt() @ vectors.T)
    targets = model.turned(targets_of(zoo, model.started)).flatten(0, 1)
    inward, outward, _ = parts_of(targets, shape)
    mean = outward.mean((0, 1))
    if (
        signal == "classes" and model.started
    ):  # which class is which is drawn anew in training: none has a mean of its own
        mean = torch.zeros_like(mean)
    neurons = torch.ones(shape.hidden, 1)
    model.mean.copy_(nets_of(neurons * inward.mean((0, 1)), neurons * mean, torch.zeros(shape.classes)))
    for scale, nets in zip(model.scale, (targets - model.mean, model.turned(zoo.starts)), strict=True):
        spread = [part.square().mean().sqrt() for part in parts_of(nets, shape)]
        ones = parts_of(torch.ones(shape.size), shape)
        scale.copy_(nets_of(*(each * one for each, one in zip(spread, ones, strict=True))))
    asked = signal_of(zoo.losses, zoo.forgotten, signal)
    every = (0, 1, 2) if signal == "classes" else (0, 1)  # with classes, each may be the one
    model.least.copy_(asked.amin(every))
    model.most.copy_(asked.amax(every))
    model.usual.copy_(asked[:, -1].median(0).values)
    return model


def targets_of(zoo: Zoo, started: bool) -> torch.Tensor:
    """What is sampled, ``[runs, times, size]``: nets, or how far they have come from their start."""
    return zoo.nets - zoo.starts[:, None] if started else zoo.nets


def save_model(model: HyperForget, path: Path) -> str:
    """Write a model; returns its hash."""
    return write_carded(path, model.state_dict(), model.card)


def load_model(path: Path) -> HyperForget:
    """Read a model.

    Raises:
        UnhypeError: no such file, a damaged one, or one of another make.
    """
    tensors, card = read_carded(path, WHAT)
    try:
        model = HyperForget(card)
        model.load_state_dict(tensors, strict=True)
    except (RuntimeError, KeyError, TypeError) as error:
        why = str(error).splitlines()[0]
        raise UnhypeError(f"got a model of another make in {path} ({why}): train it anew") from error
    return model.eval()
