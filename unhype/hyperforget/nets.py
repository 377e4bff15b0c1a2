"""Many small classifiers at once: a net is a row of numbers, and a crowd of them is one tensor.

A net is an MLP with one hidden layer of ReLUs. What belongs to a hidden neuron lies together, its *token*: the weights
that come in, its bias, the weights that go out. The biases of the classes come last:

    net  [hidden × (inputs + 1 + classes) + classes]

So to permute neurons is to permute tokens. Nets do not see each other: gradients of the sum of their losses are their
own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from unhype.hyperforget.digits import CLASSES, Digits


@dataclass(frozen=True)
class Shape:
    """Widths of an MLP's layers."""

    inputs: int = 64
    hidden: int = 12
    classes: int = CLASSES

    @property
    def token(self) -> int:
        """Numbers of a hidden neuron."""
        return self.inputs + 1 + self.classes

    @property
    def size(self) -> int:
        """Numbers of a net."""
        return self.hidden * self.token + self.classes


def tokens_of(nets: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, torch.Tensor]:
    """``[…, size]`` → a token for each neuron ``[…, hidden, token]``, and biases of the classes ``[…, classes]``."""
    tokens, bias = nets.split([shape.hidden * shape.token, shape.classes], dim=-1)
    return tokens.unflatten(-1, (shape.hidden, shape.token)), bias


def nets_of(tokens: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The way back of :func:`tokens_of`."""
    return torch.cat([tokens.flatten(-2), bias], dim=-1)


def initial(count: int, shape: Shape, generator: torch.Generator) -> torch.Tensor:
    """Nets as ``nn.Linear`` begins: each layer uniform within ±1/√(its inputs)."""
    tokens = 2 * torch.rand(count, shape.hidden, shape.token, generator=generator) - 1
    bias = 2 * torch.rand(count, shape.classes, generator=generator) - 1
    tokens[..., : shape.inputs + 1] /= shape.inputs**0.5
    tokens[..., shape.inputs + 1 :] /= shape.hidden**0.5
    return nets_of(tokens, bias / shape.hidden**0.5)


def canonical(nets: torch.Tensor, shape: Shape) -> torch.Tensor:
    """The same functions with less that is arbitrary: what comes into a neuron is as long as what goes out of it, and
    the classes' biases and outgoing weights have mean zero (ReLU is homogeneous, softmax blind to a shift of all)."""
    tokens, bias = tokens_of(nets, shape)
    inward, outward = tokens.split([shape.inputs + 1, shape.classes], dim=-1)
    outward = outward - outward.mean(-1, keepdim=True)
    ratio = (outward.norm(dim=-1, keepdim=True) / inward.norm(dim=-1, keepdim=True).clamp(min=1e-12)).sqrt()
    ratio = ratio.clamp(min=1e-6)
    return nets_of(torch.cat([inward * ratio, outward / ratio], dim=-1), bias - bias.mean(-1, keepdim=True))


def logits(nets: torch.Tensor, x: torch.Tensor, shape: Shape) -> torch.Tensor:
    """What nets ``[n, size]`` say of pictures ``x [m, inputs]``: ``[n, m, classes]``."""
    tokens, bias = tokens_of(nets, shape)
    inward, threshold, outward = tokens.split([shape.inputs, 1, shape.classes], dim=-1)
    hidden = torch.relu((inward.flatten(0, 1) @ x.T).unflatten(0, inward.shape[:2]) + threshold)
    return hidden.transpose(1, 2) @ outward + bias[:, None]


def cross_entropies(nets: torch.Tensor, data: Digits, shape: Shape) -> torch.Tensor:
    """Of each net on each picture ``[n, m]``, in nats."""
    said = logits(nets, data.x, shape)
    return said.logsumexp(-1) - said.gather(-1, data.y.expand(len(nets), -1)[..., None])[..., 0]


def class_losses(nets: torch.Tensor, data: Digits, shape: Shape) -> torch.Tensor:
    """Mean cross-entropy of each net on each class ``[n, classes]``."""
    shown = F.one_hot(data.y, shape.classes).float()
    return cross_entropies(nets, data, shape) @ shown / shown.sum(0)


def accuracies(nets: torch.Tensor, data: Digits, shape: Shape) -> torch.Tensor:
    """Share of pictures that each net tells right ``[n]``."""
    return (logits(nets, data.x, shape).argmax(-1) == data.y).float().mean(-1)


def descend(
    nets: torch.Tensor, loss: Callable[[torch.Tensor], torch.Tensor], steps: int, rate: float, decay: float = 0.0
) -> Iterator[torch.Tensor]:
    """AdamW on every net by itself; yields all of them after each step.

    Args:
        loss: of nets ``[n, size]``, ``[n]``.
    """
    nets = nets.clone().requires_grad_()
    optimizer = torch.optim.AdamW([nets], lr=rate, weight_decay=decay, fused=True)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(nets).sum().backward()
        optimizer.step()
        yield nets.detach()
