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
from unhype.hyperforget.denoiser import Denoiser, DenoiserSettings
from unhype.hyperforget.diffusion import denoised
from unhype.hyperforget.digits import CLASSES, check_digits
from unhype.hyperforget.nets import Shape, canonical, nets_of, parts_of, relabelled
from unhype.hyperforget.zoo import Zoo
from unhype.tensors import read_carded

SIGNALS = {"one": 1, "two": 2, "classes": CLASSES}
STARTS = ("none", "trained")
WHAT = "a HyperForget model"
GUIDANCE = 0.1  # of the usual loss is asked of each class that is kept: of a digit that is new, too much is lost else


def check_asked(signal: str, start: str, zoo: str) -> None:
    """Refuse what is no model of ours, before any work."""
    for got, known in ((signal, tuple(SIGNALS)), (start, STARTS)):
        if got not in known:
            raise UnhypeError(f"got {got!r}, wanted one of {', '.join(known)}")
    if start == "trained" and zoo != "paths":
        raise UnhypeError(f"got the start trained with a zoo {zoo}, wanted paths: these set out from trained nets")


def signal_of(losses: torch.Tensor, forgotten: torch.Tensor, signal: str) -> torch.Tensor:
    """Losses on each class ``[runs, times, classes]`` → ``[runs, times, signals]``; L_r is a mean of classes."""
    if signal == "classes":
        return losses
    L_f = losses.gather(-1, forgotten[:, None, None].expand(-1, losses.shape[1], 1))
    L_r = (losses.sum(-1, keepdim=True) - L_f) / (losses.shape[-1] - 1)
    return L_f if signal == "one" else torch.cat([L_f, L_r], dim=-1)


class HyperForget(nn.Module):
    """A denoiser with all that shapes what it samples.

    Attributes:
        card: what it was made for and from.
        scale: of x_0, and of starts ``[2, size]``.
        least, most, usual: signals in the zoo ``[signals]``; the last of nets that have forgotten, see GUIDANCE.
    """

    scale: torch.Tensor
    least: torch.Tensor
    most: torch.Tensor
    usual: torch.Tensor

    def __init__(self, card: dict[str, Any]) -> None:
        super().__init__()
        self.card, self.shape = card, Shape(**card["shape"])
        self.signal, self.started = str(card["signal"]), card["start"] == "trained"
        count = SIGNALS[self.signal]
        self.denoiser = Denoiser(DenoiserSettings(**card["denoiser"]), self.shape, count, self.started)
        self.register_buffer("scale", torch.ones(2, self.shape.size))
        for name in ("least", "most", "usual"):
            self.register_buffer(name, torch.ones(count))

    def forward(
        self, x: torch.Tensor, t: torch.Tensor, asked: torch.Tensor, starts: torch.Tensor | None
    ) -> torch.Tensor:
        """x_t ``[n, size]`` → what x_0 is thought to be; starts are nets."""
        if self.signal == "classes" and starts is not None:  # by asked loss: no class is told apart by its place
            order = asked.argsort(dim=-1, descending=True, stable=True)
            x, starts = relabelled(x, order, self.shape), relabelled(starts, order, self.shape)
            found: torch.Tensor = self.denoiser(x, t, asked.gather(-1, order), starts / self.scale[1])
            return relabelled(found, order.argsort(-1), self.shape)
        found = self.denoiser(x, t, asked, None if starts is None else starts / self.scale[1])
        return found

    def x0_of(self, nets: torch.Tensor, starts: torch.Tensor | None) -> torch.Tensor:
        """What is sampled, ``[n, size]`` of variance about one: nets, or how far they have come from their start."""
        return (nets if starts is None else nets - starts) / self.scale[0]

    def nets_from(self, x0: torch.Tensor, starts: torch.Tensor | None) -> torch.Tensor:
        """The way back of :meth:`x0_of`."""
        return x0 * self.scale[0] if starts is None else x0 * self.scale[0] + starts

    @torch.no_grad()
    def sample(
        self, asked: torch.Tensor, seeds: Sequence[int], starts: torch.Tensor | None = None, steps: int | None = None
    ) -> torch.Tensor:
        """Nets ``[n, size]``; no picture is looked at.

        Args:
            asked: signals ``[n, signals]``, from :meth:`ask`.
            seeds: of the noise, one a net, whatever is sampled beside it; a net is the mean of the card's ``draws``.
            starts: trained nets ``[n, size]``, for a model that starts from one; others are refused, and none too.
            steps: of denoising, by default as the card says.
        """
        got = None if starts is None else tuple(starts.shape)
        if got != (wanted := (len(asked), self.shape.size) if self.started else None):
            told = [f"nets {shape}" if shape else "no net" for shape in (got, wanted)]
            raise UnhypeError(f"got {told[0]} to start from, wanted {told[1]}, as this model was trained")
        starts = None if starts is None else canonical(starts, self.shape)
        draws, steps = int(self.card.get("draws", 1)), steps or int(self.card["sampling"])
        noise = [torch.randn(draws, self.shape.size, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        said, begun = (None if some is None else some.repeat_interleave(draws, 0) for some in (asked, starts))
        x0 = denoised(lambda x, t: self(x, torch.full((len(x),), t), said, begun), torch.cat(noise), steps)
        return self.nets_from(x0.unflatten(0, (-1, draws)).mean(1), starts)

    def ask(self, forget: Sequence[int], loss: float) -> torch.Tensor:
        """The signal ``[signals]`` of a net whose loss on these digits is ``loss``, and as usual on all others; digits
        that this model does not forget are refused, and losses that no net of its zoo had."""
        check_digits(*forget)
        if self.signal != "classes" and set(forget) != {self.card["digit"]}:
            got = ", ".join(map(str, forget))
            raise UnhypeError(f"got {got} to forget, wanted {self.card['digit']}: this model forgets no other digit")
        low, high = float(self.least[0]), float(self.most[0])
        if not low <= loss <= high:  # NaN is not
            raise UnhypeError(f"got the loss {loss}, wanted one from {low:.3g} to {high:.3g}, as nets of its zoo have")
        asked = self.usual.clone()
        asked[list(forget) if self.signal == "classes" else [0]] = loss
        return asked


def made_for(zoo: Zoo, signal: str, start: str, digit: int, denoiser: DenoiserSettings) -> HyperForget:
    """A model before it is trained, standardised by a zoo; of ``classes`` no net of it has forgotten the ``digit``."""
    check_asked(signal, start, zoo.settings.kind)
    seed, shape = int(zoo.card["seed"]), zoo.shape
    torch.manual_seed(seed)
    made = {"digit": digit, "seed": seed, "shape": asdict(shape), "denoiser": asdict(denoiser), "zoo": zoo.card["hash"]}
    model = HyperForget({"what": WHAT, "signal": signal, "start": start, **made})
    moved = zoo.nets - zoo.starts[:, None] if model.started else zoo.nets
    for scale, some in zip(model.scale, (moved, zoo.starts), strict=True):
        spread = [part.square().mean().sqrt() for part in parts_of(some, shape)]
        ones = parts_of(torch.ones(shape.size), shape)
        scale.copy_(nets_of(*(each * one for each, one in zip(spread, ones, strict=True))))
    asked = signal_of(zoo.losses, zoo.forgotten, signal)
    every = (0, 1, 2) if signal == "classes" else (0, 1)  # with classes, each may be the one
    model.least.copy_(asked.amin(every))
    model.most.copy_(asked.amax(every))
    model.usual.copy_(asked[:, -1].median(0).values * (GUIDANCE if signal == "classes" else 1))
    return model


def load_model(path: Path) -> HyperForget:
    """Read a model; files that are damaged or of another make are refused."""
    tensors, card = read_carded(path, WHAT)
    try:
        model = HyperForget(card)
        model.load_state_dict(tensors, strict=True)
    except (RuntimeError, KeyError, TypeError) as error:
        raise UnhypeError(f"got another make of model in {path} ({str(error)[:80]!r}): train it anew") from error
    return model.eval()
