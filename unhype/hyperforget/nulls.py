"""What a diffusion over weights has to beat: whoever holds the zoo can look nets up, average them, or draw a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from unhype.hyperforget.measures import matched
from unhype.hyperforget.model import HyperForget, signal_of
from unhype.hyperforget.nets import canonical
from unhype.hyperforget.zoo import Zoo

Method = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""From signals ``[n, signals]``, seeds ``[n]`` and trained nets ``[n, size]`` to nets ``[n, size]``."""

NOISE = 0.1
"""Length of the noise beside a net's own, where noise is added."""

COMPONENTS = 48


def nulls(model: HyperForget, zoo: Zoo) -> Mapping[str, Method]:
    """All that need the zoo alone, by name."""
    flat = zoo.nets.flatten(0, 1)
    signals = signal_of(zoo.losses, zoo.forgotten[:, None], model.signal).flatten(0, 1)
    spread = signals.std(0)

    def near(asked: torch.Tensor, rank: int = 0) -> torch.Tensor:
        """The nets with the nearest losses; those of another run where ``rank`` is 1."""
        order = torch.cdist(asked / spread, signals / spread).argsort(-1)
        if not rank:
            return flat[order[:, 0]]
        runs = order // zoo.nets.shape[1]
        return flat[order.gather(-1, (runs != runs[:, :1]).float().argmax(-1, keepdim=True))[:, 0]]

    def noisy(asked: torch.Tensor, seeds: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        found = near(asked)
        noise = torch.stack([torch.randn(found.shape[-1], generator=torch.Generator().manual_seed(int(s))) for s in seeds])
        return found + NOISE * found.norm(dim=-1, keepdim=True) * noise / noise.norm(dim=-1, keepdim=True)

    def mean(asked: torch.Tensor, seeds: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        first, second = near(asked), near(asked, 1)
        others = [matched(two[None], one, zoo.shape)[0] for one, two in zip(first, second, strict=True)]
        return (first + torch.stack(others)) / 2

    def regression(asked: torch.Tensor, seeds: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        return model.sample(asked, seeds.tolist(), starts if model.started else None, steps=1)

    return {
        "zoo net with the nearest losses": lambda asked, seeds, starts: near(asked),
        f"that net + {NOISE:.0%} noise": noisy,
        "mean of two such, matched": mean,
        "one denoising step (regression)": regression,
        "PCA + linear map": principal(model, zoo),
    }


def principal(model: HyperForget, zoo: Zoo) -> Method:
    """Principal components of nets that are matched to one of them, and a least-squares map to them from the losses.

    Of a model that starts from a net: of the move, and from that net's components too.
    """
    reference, times = zoo.starts[0], zoo.nets.shape[1]
    starts = torch.stack([matched(zoo.starts, reference, zoo.shape)] * times, 1).flatten(0, 1)
    signals = signal_of(zoo.losses, zoo.forgotten[:, None], model.signal).flatten(0, 1)
    # On a path neurons stay where they are: a run is matched once, by its start.
    nets = torch.stack([matched(net, start, zoo.shape) for net, start in zip(zoo.nets, starts[::times], strict=True)])
    targets = nets.flatten(0, 1) - starts if model.started else nets.flatten(0, 1)
    centre, begun = targets.mean(0), starts.mean(0)
    axes = torch.pca_lowrank(targets - centre, COMPONENTS)[2]
    start_axes = torch.pca_lowrank(starts - begun, COMPONENTS)[2]

    def features(asked: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        known = [torch.ones(len(asked), 1), asked, (asked + 1e-3).log()]
        return torch.cat([*known, (starts - begun) @ start_axes] if model.started else known, dim=-1)

    weights = torch.linalg.lstsq(features(signals, starts), (targets - centre) @ axes, driver="gelsd").solution

    def line(asked: torch.Tensor, seeds: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        own = matched(canonical(starts, zoo.shape), reference, zoo.shape)
        found = centre + features(asked, own) @ weights @ axes.T
        return own + found if model.started else found

    return line
