"""The denoiser: a transformer over hidden neurons, one token each and none of them with a position.

So neurons permuted at its entrance come out permuted alike, by construction. One more token holds the biases of the
classes. Time and losses modulate every layer (adaLN, Peebles and Xie 2023). What goes in is passed on with as much
weight as its noise allows (Karras et al. 2022), so that the last steps need not carry 75 numbers through a narrow layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from unhype.hyperforget.diffusion import STEPS, alpha_bar
from unhype.hyperforget.nets import Shape


@dataclass(frozen=True)
class DenoiserSettings:
    """Widths: of a token, how many layers, how many heads of attention."""

    width: int = 64
    layers: int = 3
    heads: int = 4

    def __post_init__(self) -> None:
        if min(self.width, self.layers, self.heads) < 1 or self.width % self.heads:
            raise ValueError(f"got {self}, wanted positive widths, and a width that the heads divide")


class Denoiser(nn.Module):
    """x_t, t, losses (and the net to start from) → x_0."""

    shares: torch.Tensor

    def __init__(self, settings: DenoiserSettings, shape: Shape, signals: int, started: bool) -> None:
        super().__init__()
        self.width, parts = settings.width, 1 + started
        self.neurons_in = nn.Linear(parts * shape.token, self.width)
        self.bias_in = nn.Linear(parts * shape.classes, self.width)
        self.condition = nn.Sequential(
            nn.Linear(self.width + 3 * signals, 2 * self.width), nn.SiLU(), nn.Linear(2 * self.width, self.width)
        )
        self.layers = nn.ModuleList(Layer(self.width, settings.heads) for _ in range(settings.layers))
        self.neurons_out = nn.Linear(self.width, shape.token)
        self.bias_out = nn.Linear(self.width, shape.classes)
        self.register_buffer("shares", alpha_bar(), persistent=False)

    def forward(
        self,
        x: tuple[torch.Tensor, torch.Tensor],
        t: torch.Tensor,
        losses: torch.Tensor,
        start: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What x_0 is thought to be, in two parts as x.

        Args:
            x: noisy tokens ``[n, hidden, token]`` and biases ``[n, classes]``, of variance about one.
            t: ``[n]``.
            losses: asked ``[n, signals]``, in nats.
            start: the net from which x_0 is the difference, in two parts.
        """
        parts = [x] if start is None else [x, start]
        neurons, bias = (torch.cat(part, dim=-1) for part in zip(*parts, strict=True))
        tokens = torch.cat([self.neurons_in(neurons), self.bias_in(bias)[:, None]], dim=1)
        said = [waves(t / STEPS, self.width), losses / 5, (losses + 1e-3).log() / 3, (losses + 0.3).log()]
        condition = F.silu(self.condition(torch.cat(said, dim=-1)))
        for layer in self.layers:
            tokens = layer(tokens, condition)
        tokens = F.layer_norm(tokens, (self.width,))
        found = self.neurons_out(tokens[:, :-1]), self.bias_out(tokens[:, -1])
        share = self.shares[t].view(-1, 1)
        kept, new = share.sqrt(), (1 - share).sqrt()
        return kept[..., None] * x[0] + new[..., None] * found[0], kept * x[1] + new * found[1]


class Layer(nn.Module):
    """Attention among the neurons, then each by itself; both scaled, shifted and gated by the condition."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.modulation = nn.Linear(width, 6 * width)
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
    """Sines and cosines of a number from 0 to 1, ``[n]`` → ``[n, width]``."""
    turns = torch.exp2(torch.linspace(-1, 8, width // 2))
    angles = share[:, None] * turns * torch.pi
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
