"""HyperForget: losses in, a net out. What the paper calls DiHyFo-1 and -2, as far as its abstract tells them.

What the net is asked for is its *signal*, mean cross-entropies in nats on the pictures to learn from: ``one`` is L_f
(DiHyFo-1), ``two`` are L_f and L_r (DiHyFo-2), ``classes`` are those of all ten digits, so that the digit to forget is
chosen when sampling. It *starts* from ``none`` (θ out of noise) or from a ``trained`` net (Δθ out of noise).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unhype.errors import UnhypeError
from unhype.hyperforget import storing
from unhype.hyperforget.denoiser import Denoiser, DenoiserSettings
from unhype.hyperforget.diffusion import denoised
from unhype.hyperforget.digits import CLASSES
from unhype.hyperforget.nets import Shape, canonical, nets_of, tokens_of
from unhype.hyperforget.zoo import Zoo

SIGNALS = {"one": 1, "two": 2, "classes": CLASSES}
STARTS = ("none", "trained")
WHAT = "a HyperForget model"


def signal_of(losses: torch.Tensor, forgotten: torch.Tensor, signal: str) -> torch.Tensor:
    """Losses on each class ``[…, classes]`` → what a model is asked ``[…, signals]``; L_r is the mean over classes."""
    if signal == "classes":
        return losses
    L_f = losses.gather(-1, forgotten[..., None].expand(*losses.shape[:-1], 1))
    L_r = (losses.sum(-1, keepdim=True) - L_f) / (losses.shape[-1] - 1)
    return L_f if signal == "one" else torch.cat([L_f, L_r], dim=-1)


class HyperForget(nn.Module):
    """A denoiser with all that shapes what it samples; ``card`` says what it was made for and from."""

    mean: torch.Tensor
    scale: torch.Tensor
    start_scale: torch.Tensor
    least: torch.Tensor
    most: torch.Tensor
    usual: torch.Tensor

    def __init__(self, card: dict[str, Any]) -> None:
        super().__init__()
        self.card, self.shape = card, Shape(**card["shape"])
        self.signal, self.started = str(card["signal"]), card["start"] == "trained"
        count = SIGNALS[self.signal]
        self.denoiser = Denoiser(DenoiserSettings(**card["denoiser"]), self.shape, count, self.started)
        for name in ("mean", "scale", "start_scale"):
            self.register_buffer(name, torch.ones(self.shape.size))
        for name in ("least", "most", "usual"):
            self.register_buffer(name, torch.ones(count))

    def forward(
        self, x: torch.Tensor, t: torch.Tensor, asked: torch.Tensor, starts: torch.Tensor | None
    ) -> torch.Tensor:
        """x_t of standardised nets ``[n, size]`` → what x_0 is thought to be."""
        begun = None if starts is None else tokens_of(starts / self.start_scale, self.shape)
        return nets_of(*self.denoiser(tokens_of(x, self.shape), t, asked, begun))

    @torch.no_grad()
    def sample(
        self, asked: torch.Tensor, seeds: Sequence[int], starts: torch.Tensor | None = None, steps: int = 20
    ) -> torch.Tensor:
        """Nets ``[n, size]``; no picture is looked at.

        Args:
            asked: signals ``[n, signals]``, from :meth:`ask`.
            seeds: of the noise, one each: a net does not depend on what is sampled beside it.
            starts: trained nets ``[n, size]``, for a model that starts from one.

        Raises:
            UnhypeError: a start where none is wanted, none where one is, or one of another shape.
        """
        if (starts is not None) != self.started:
            raise UnhypeError(f"got {'no net' if self.started else 'a net'} to start from, wanted {self._start()}")
        if starts is not None:
            if tuple(starts.shape) != (len(asked), self.shape.size):
                raise UnhypeError(f"got nets of {tuple(starts.shape)} to start from, wanted {self._start()}")
            starts = canonical(starts, self.shape)
        noise = [torch.randn(self.shape.size, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        found = denoised(lambda x, t: self(x, t, asked, starts), torch.stack(noise), steps) * self.scale + self.mean
        return found if starts is None else starts + found

    def ask(self, forget: Sequence[int], loss: float) -> torch.Tensor:
        """The signal ``[signals]`` of a net whose loss on these digits is ``loss``, and as usual on all others.

        Raises:
            UnhypeError: digits that this model does not forget, or a loss that no net of its zoo had.
        """
        if odd := [digit for digit in forget if digit not in range(CLASSES)]:
            raise UnhypeError(f"got the digit {odd[0]} to forget, wanted one from 0 to {CLASSES - 1}")
        if len(set(forget)) >= CLASSES or not forget:
            raise UnhypeError(f"got {len(set(forget))} digits to forget, wanted some of {CLASSES}: a net has to know some")
        if self.signal != "classes" and list(forget) != [self.card["digit"]]:
            raise UnhypeError(
                f"got {', '.join(map(str, forget))} to forget, wanted {self.card['digit']}, which this model was "
                "trained for: name another model, or one with the signal classes"
            )
        low, high = float(self.least[0]), float(self.most[0])
        if math.isnan(loss) or not low <= loss <= high:
            raise UnhypeError(f"got the loss {loss}, wanted one from {low:.3g} to {high:.3g}, as the nets of the zoo have")
        asked = self.usual.clone()
        asked[list(forget) if self.signal == "classes" else [0]] = loss
        return asked

    def _start(self) -> str:
        shape = self.shape
        layers = f"{shape.inputs}-{shape.hidden}-{shape.classes}"
        return f"a trained net {layers} for each" if self.started else "none: this model samples from noise alone"


def made_for(zoo: Zoo, signal: str, start: str, digit: int, denoiser: DenoiserSettings, code: str) -> HyperForget:
    """A model before it is trained, standardised by a zoo.

    Args:
        digit: that is forgotten; with ``classes`` the one that no net of the zoo has forgotten.
        code: hash of the program, for the card.

    Raises:
        UnhypeError: no such signal or start, or a zoo without paths for ``trained``.
    """
    check_asked(signal, start, zoo.card["settings"]["kind"])
    seed, shape = zoo.card["seed"], zoo.shape
    torch.manual_seed(seed)
    model = HyperForget(
        {
            **{"what": WHAT, "signal": signal, "start": start, "digit": digit, "seed": seed, "shape": asdict(shape)},
            **{"denoiser": asdict(denoiser), "zoo": zoo.card["hash"], "kind": zoo.card["settings"]["kind"], "code": code},
        }
    )
    targets = targets_of(zoo, model.started).flatten(0, 1)
    tokens, bias = tokens_of(targets, shape)
    centre, widths = tokens.mean((0, 1)), (shape.inputs, 1, shape.classes)
    spread = torch.cat([part.pow(2).mean().sqrt().expand(part.shape[-1]) for part in (tokens - centre).split(widths, -1)])
    # With classes relabelled at random no class may have a mean of its own.
    if signal == "classes" and model.started:
        centre = torch.cat([centre[: -shape.classes], centre[-shape.classes :].mean().expand(shape.classes)])
    every = tokens[:, :0].new_ones(shape.hidden, 1)
    model.mean.copy_(nets_of(every * centre, torch.zeros(shape.classes)))
    model.scale.copy_(nets_of(every * spread, bias.pow(2).mean().sqrt().expand(shape.classes)))
    model.start_scale.fill_(float(zoo.starts.pow(2).mean().sqrt()))
    asked = signal_of(zoo.losses, zoo.forgotten[:, None], signal)
    model.least.copy_(asked.amin((0, 1)))
    model.most.copy_(asked.amax((0, 1)))
    model.usual.copy_(asked[:, -1].median(0).values)
    if signal == "classes":  # any class may be the one
        model.least.fill_(float(asked.min()))
        model.most.fill_(float(asked.max()))
    return model


def targets_of(zoo: Zoo, started: bool) -> torch.Tensor:
    """What is sampled, ``[runs, times, size]``: nets, or how far they have come from their start."""
    return zoo.nets - zoo.starts[:, None] if started else zoo.nets


def check_asked(signal: str, start: str, kind: str) -> None:
    """Refuse what is no model of ours, before any work."""
    for got, known in ((signal, tuple(SIGNALS)), (start, STARTS)):
        if got not in known:
            raise UnhypeError(f"got {got!r}, wanted one of {', '.join(known)}")
    if start == "trained" and kind != "paths":
        raise UnhypeError(f"got the start trained with a zoo {kind}, wanted paths: only these set out from trained nets")


def save_model(model: HyperForget, path: Path) -> str:
    """Write a model; returns its hash."""
    return storing.save(path, model.state_dict(), model.card)


def load_model(path: Path) -> HyperForget:
    """Read a model.

    Raises:
        UnhypeError: no such file, a damaged one, or one of another make.
    """
    tensors, card = storing.load(path, WHAT)
    try:
        model = HyperForget(card)
        model.load_state_dict(tensors, strict=True)
    except (RuntimeError, KeyError, TypeError) as error:
        raise UnhypeError(f"got a model of another make in {path} ({str(error).splitlines()[0]}): train it anew") from error
    return model.eval()
