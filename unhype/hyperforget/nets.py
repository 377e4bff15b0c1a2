"""Many small classifiers at once: a net is a row of numbers, and a crowd of them is one tensor.

A net is an MLP with one hidden layer of ReLUs. What belongs to a hidden neuron lies together, its *token*: the weights
that come in, its bias, the weights that go out. The biases of the classes come last,

    net  [hidden × (inputs + 1 + classes) + classes]

so to permute neurons is to permute tokens. Nets do not see each other: a sum of losses has gradients of each alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from unhype.hyperforget.digits import CLASSES, Digits


@dataclass(frozen=True)
class Shape:
    """Widths of an MLP's layers; numbers of a neuron's ``token``, and of a net (``size``)."""

    inputs: int = 64
    hidden: int = 12
    classes: int = CLASSES

    @property
    def token(self) -> int:
        return self.inputs + 1 + self.classes

    @property
    def size(self) -> int:
        return self.hidden * self.token + self.classes


def parts_of(nets: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of nets ``[…, size]`` what comes into each neuron, its bias last ``[…, hidden, inputs + 1]``, what goes out of it
    ``[…, hidden, classes]``, and the biases of the classes ``[…, classes]``."""
    tokens, bias = nets.split([shape.hidden * shape.token, shape.classes], dim=-1)
    inward, outward = tokens.unflatten(-1, (shape.hidden, shape.token)).split([shape.inputs + 1, shape.classes], dim=-1)
    return inward, outward, bias


def nets_of(inward: torch.Tensor, outward: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The way back of :func:`parts_of`."""
    return torch.cat([torch.cat([inward, outward], dim=-1).flatten(-2), bias], dim=-1)


def relabelled(nets: torch.Tensor, order: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Nets ``[n, size]`` that call class i what was class ``order[:, i]``."""
    inward, outward, bias = parts_of(nets, shape)
    return nets_of(inward, outward.gather(-1, order[:, None].expand_as(outward)), bias.gather(-1, order))


def initial(count: int, shape: Shape, generator: torch.Generator) -> torch.Tensor:
    """Nets ``[count, size]`` as ``nn.Linear`` begins: each layer uniform within ±1/√(its inputs)."""
    inward, outward, bias = parts_of(2 * torch.rand(count, shape.size, generator=generator) - 1, shape)
    return nets_of(inward / shape.inputs**0.5, outward / shape.hidden**0.5, bias / shape.hidden**0.5)


def canonical(nets: torch.Tensor, shape: Shape) -> torch.Tensor:
    """The same functions with less that is arbitrary: what comes into a neuron is as long as what goes out of it, and
    outgoing weights and biases have mean zero over classes (ReLU is homogeneous, softmax blind to a shift of all)."""
    inward, outward, bias = parts_of(nets, shape)
    outward = outward - outward.mean(-1, keepdim=True)
    lengths = [part.norm(dim=-1, keepdim=True).clamp(min=1e-6) for part in (inward, outward)]
    ratio = (lengths[1] / lengths[0]).sqrt()
    return nets_of(inward * ratio, outward / ratio, bias - bias.mean(-1, keepdim=True))


def logits(nets: torch.Tensor, x: torch.Tensor, shape: Shape) -> torch.Tensor:
    """What nets ``[n, size]`` say of pictures ``x [m, inputs]``: ``[n, m, classes]``."""
    inward, outward, bias = parts_of(nets, shape)
    hidden = (inward[..., :-1].flatten(0, 1) @ x.T).unflatten(0, inward.shape[:2]) + inward[..., -1:]
    return hidden.relu().transpose(1, 2) @ outward + bias[:, None]


def surprise(said: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Cross-entropies in nats ``[n, m]`` of what was said ``[n, m, classes]``, where ``y [m]`` is right."""
    return said.logsumexp(-1) - said.gather(-1, y.expand(len(said), -1)[..., None])[..., 0]


def cross_entropies(nets: torch.Tensor, data: Digits, shape: Shape) -> torch.Tensor:
    """Of each net on each picture ``[n, m]``, in nats."""
    return surprise(logits(nets, data.x, shape), data.y)


def class_means(values: torch.Tensor, y: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Means over the pictures of each class, which are ``y [m]``: ``[n, m]`` → ``[n, classes]``; 0 of none."""
    shown = F.one_hot(y, shape.classes).float()
    return values @ shown / shown.sum(0).clamp(min=1)


def class_losses(nets: torch.Tensor, data: Digits, shape: Shape) -> torch.Tensor:
    """Mean cross-entropy of each net on each class ``[n, classes]``."""
    return class_means(cross_entropies(nets, data, shape), data.y, shape)


def accuracies(nets: torch.Tensor, data: Digits, shape: Shape) -> torch.Tensor:
    """Share of pictures that each net tells right ``[n]``."""
    return (logits(nets, data.x, shape).argmax(-1) == data.y).float().mean(-1)


def descend(
    nets: torch.Tensor, loss: Callable[[torch.Tensor], torch.Tensor], steps: int, rate: float
) -> Iterator[torch.Tensor]:
    """Adam on every net by itself, from ``loss`` of nets ``[n, size]`` → ``[n]``; yields all nets after each step."""
    nets = nets.clone().requires_grad_()
    optimizer = torch.optim.Adam([nets], lr=rate, fused=True)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(nets).sum().backward()
        optimizer.step()
        yield nets.detach()
