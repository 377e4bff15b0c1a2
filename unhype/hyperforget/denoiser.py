"""The denoiser: a transformer over hidden neurons, one token each and none of them with a position.

So neurons permuted at its entrance come out permuted alike, by construction. One more token holds the biases of the
classes. Time and losses modulate every layer (adaLN, Peebles and Xie 2023). What comes in goes out again as far as its
noise allows (Karras et al. 2022): the last steps need not carry 75 numbers through a narrow layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from unhype.hyperforget.diffusion import STEPS, alpha_bar
from unhype.hyperforget.nets import Shape, nets_of, parts_of


@dataclass(frozen=True)
class DenoiserSettings:
    """Width of a token, number of layers, heads of attention."""

    width: int = 64
    layers: int = 3
    heads: int = 4

    def __post_init__(self) -> None:
        if min(self.width, self.layers, self.heads) < 1 or self.width % (2 * self.heads):
            raise ValueError(f"got {self}, wanted numbers above 0, and a width that twice the heads divides")


class Denoiser(nn.Module):
    """x_t, t, losses (and the net that is started from) → x_0."""

    def __init__(self, settings: DenoiserSettings, shape: Shape, signals: int, started: bool) -> None:
        super().__init__()
        self.width, self.shape, parts = settings.width, shape, 1 + started
        self.neurons_in = nn.Linear(parts * shape.token, self.width)
        self.bias_in = nn.Linear(parts * shape.classes, self.width)
        said, wide = self.width + 3 * signals, 2 * self.width
        self.condition = nn.Sequential(nn.Linear(said, wide), nn.SiLU(), nn.Linear(wide, self.width))
        self.layers = nn.ModuleList(Layer(self.width, settings.heads) for _ in range(settings.layers))
        self.neurons_out = nn.Linear(self.width, shape.token)
        self.bias_out = nn.Linear(self.width, shape.classes)

    def forward(
        self, x: torch.Tensor, t: torch.Tensor, losses: torch.Tensor, start: torch.Tensor | None = None
    ) -> torch.Tensor:
        """What x_0 ``[n, size]`` is thought to be.

        Args:
            x: x_t ``[n, size]``, of variance about one, as is ``start``, the net from which x_0 is the difference.
            t, losses: ``[n]``, and asked ``[n, signals]``, in nats.
        """
        seen = [parts_of(net, self.shape) for net in ([x] if start is None else [x, start])]
        neurons = torch.cat([part for inward, outward, _ in seen for part in (inward, outward)], dim=-1)
        bias = torch.cat([bias for *_, bias in seen], dim=-1)
        tokens = torch.cat([self.neurons_in(neurons), self.bias_in(bias)[:, None]], dim=1)
        said = [waves(t / STEPS, self.width), losses / 5, (losses + 1e-3).log() / 3, (losses + 0.3).log()]
        condition = F.silu(self.condition(torch.cat(said, dim=-1)))
        for layer in self.layers:
            tokens = layer(tokens, condition)
        tokens = F.layer_norm(tokens, (self.width,))
        inward, outward = self.neurons_out(tokens[:, :-1]).split([self.shape.inputs + 1, self.shape.classes], dim=-1)
        share = alpha_bar()[t, None]
        return share.sqrt() * x + (1 - share).sqrt() * nets_of(inward, outward, self.bias_out(tokens[:, -1]))


class Layer(nn.Module):
    """Attention among the neurons, then each by itself; scaled, shifted and gated by the condition."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.modulation = heads, nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        self.among, self.joined = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.alone = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """``[n, tokens, width]`` → the same."""
        scale, shift, gate, scale2, shift2, gate2 = self.modulation(condition)[:, None].chunk(6, dim=-1)
        normed = F.layer_norm(x, x.shape[-1:]) * (1 + scale) + shift
        query, key, value = self.among(normed).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(-2)
        x = x + (1 + gate) * self.joined(attended)
        return x + (1 + gate2) * self.alone(F.layer_norm(x, x.shape[-1:]) * (1 + scale2) + shift2)


def waves(share: torch.Tensor, width: int) -> torch.Tensor:
    """Sines and cosines of numbers from 0 to 1, ``[n]`` → ``[n, width]``."""
    angles = share[:, None] * torch.exp2(torch.linspace(-1, 8, width // 2)) * torch.pi
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
