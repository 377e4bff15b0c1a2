"""What a diffusion over weights has to beat: whoever holds the zoo can look nets up, average them, or draw a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from unhype.evaluation.measures import matched
from unhype.hyperforget.model import HyperForget, signal_of
from unhype.hyperforget.nets import canonical
from unhype.hyperforget.zoo import Zoo

Method = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""From signals ``[n, signals]``, seeds ``[n]`` and trained nets ``[n, size]`` to nets ``[n, size]``."""

NOISE = 0.1
"""Length of noise that is added, beside the net's own."""

COMPONENTS = 48


def nulls(model: HyperForget, zoo: Zoo) -> Mapping[str, Method]:
    """All that need the zoo alone, by name."""
    flat, times = zoo.nets.flatten(0, 1), zoo.nets.shape[1]
    signals = signal_of(zoo.losses, zoo.forgotten, model.signal).flatten(0, 1)

    def near(asked: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The net with the nearest losses, and the nearest of another run."""
        order = torch.cdist(asked / signals.std(0), signals / signals.std(0)).argsort(-1)
        others = (order // times != order[:, :1] // times).float().argmax(-1, keepdim=True)
        return flat[order[:, 0]], flat[order.gather(-1, others)[:, 0]]

    def noisy(asked: torch.Tensor, seeds: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        nets = near(asked)[0]
        noise = torch.stack(
            [torch.randn(nets.shape[1], generator=torch.Generator().manual_seed(s)) for s in seeds.tolist()]
        )
        return nets + NOISE * noise * nets.norm(dim=-1, keepdim=True) / noise.norm(dim=-1, keepdim=True)

    def mean(asked: torch.Tensor, seeds: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        pairs = zip(*near(asked), strict=True)
        return torch.stack([(one + matched(other[None], one, zoo.shape)[0]) / 2 for one, other in pairs])

    return {
        "zoo net with the nearest losses": lambda asked, seeds, starts: near(asked)[0],
        f"the same + {NOISE:.0%} noise": noisy,
        "mean of the two nearest, matched": mean,
        "one denoising step (regression)": sampler(model, steps=1),
        "PCA + linear map": principal(model, zoo),
    }


def sampler(model: HyperForget, steps: int | None = None) -> Method:
    """The model itself, a few nets at a time: all at once want a gigabyte."""

    def method(asked: torch.Tensor, seeds: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        parts = zip(*(some.split(32) for some in (asked, seeds, starts)), strict=True)
        return torch.cat([model.sample(a, s.tolist(), b if model.started else None, steps) for a, s, b in parts])

    return method


def principal(model: HyperForget, zoo: Zoo) -> Method:
    """Principal components of nets matched to one of them, and a least-squares map to them from the losses.

    Of a model that starts from a net: of the move from there, with that net's components among the causes.
    """
    shape, times, reference = zoo.shape, zoo.nets.shape[1], zoo.starts[0]
    starts = matched(zoo.starts, reference, shape).repeat_interleave(times, 0)
    # On a path neurons stay what they are, so a run is in the order of its start; else nets are matched one by one.
    nets = zoo.nets.flatten(0, 1)
    nets = torch.cat([matched(net[None], start, shape) for net, start in zip(nets, starts, strict=True)])
    targets = nets - starts if model.started else nets
    centre, begun = targets.mean(0), starts.mean(0)
    axes, start_axes = (components(some) for some in (targets - centre, starts - begun))

    def causes(asked: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        known = [torch.ones(len(asked), 1), asked, (asked + 1e-3).log()]
        return torch.cat([*known, (starts - begun) @ start_axes] if model.started else known, dim=-1)

    signals = signal_of(zoo.losses, zoo.forgotten, model.signal).flatten(0, 1)
    line = torch.linalg.lstsq(causes(signals, starts), (targets - centre) @ axes, driver="gelsd").solution

    def method(asked: torch.Tensor, seeds: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        own = matched(canonical(starts, shape), reference, shape)
        found = centre + causes(asked, own) @ line @ axes.T
        return own + found if model.started else found

    return method


def components(rows: torch.Tensor) -> torch.Tensor:
    """The first principal components of centred rows ``[n, size]``, as columns ``[size, COMPONENTS]``: no draws."""
    return torch.linalg.eigh(rows.T.double() @ rows.double()).eigenvectors.flip(-1)[:, :COMPONENTS].float()
