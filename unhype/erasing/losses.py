"""The equations of UnHype (arXiv 2602.03410, section 3), one function each.

Symbols: c a concept's prompt, c_m its anchor's, θ_s the LoRA at step s of S, ε* the frozen base, ε_θ the adapted one,
γ negative guidance, η the inner step. Where a base predicts velocity, ε stands for it: at one z_t the two are linear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from unhype.adapters.lora import Factors


def guided_target(
    eps_concept: torch.Tensor, eps_anchor: torch.Tensor, gamma: float, share: torch.Tensor
) -> torch.Tensor:
    """ε*(c) moved towards ε*(c_m) − γ·(ε*(c) − ε*(c_m)), by a share of the way.

    Args:
        eps_concept, eps_anchor: ε*(z_t, t, c) and ε*(z_t, t, c_m), ``[n, C, h, w]``.
        gamma: how far beyond the anchor.
        share: s/S, ``[n]``; at 1 this is the paper's target, at 0 the base itself.
    """
    whole = eps_anchor - gamma * (eps_concept - eps_anchor)
    return torch.lerp(eps_concept, whole, share.view(-1, 1, 1, 1).to(whole.dtype))


def task_loss(eps_theta: torch.Tensor, eps_target: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """‖ε_θ − ε_target‖², in units of ``scale [n]``, and averaged over the batch.

    Most timesteps carry little of a concept; the unit (how far the target is from the base) makes them comparable.
    """
    error = ((eps_theta - eps_target) ** 2).flatten(1).mean(1)
    return (error / scale).mean()


def removal_loss(
    now: Mapping[str, Factors], following: Mapping[str, Factors], gradient: Mapping[str, Factors], eta: float
) -> torch.Tensor:
    """‖H(c, s+1) − H(c, s) + η·∇_θ L_task‖², summed over sites, averaged over the batch; the gradient is a constant."""
    total = torch.zeros(())
    for name, before in now.items():
        for ours, theirs, slope in zip(_parts(before), _parts(following[name]), _parts(gradient[name]), strict=True):
            total = total + ((theirs - ours + eta * slope.detach()) ** 2).flatten(1).sum(1).mean()
    return total


def retention_loss(factors: Mapping[str, Factors]) -> torch.Tensor:
    """‖H(c_r, s) − H(c_r, 0)‖² of what reaches the model: B is 0 at s = 0, so it is ‖B‖², averaged over the batch."""
    return torch.stack([(f.B**2).flatten(1).sum(1).mean() for f in factors.values()]).sum()


def as_leaves(factors: Mapping[str, Factors]) -> dict[str, Factors]:
    """The same numbers cut off from what made them, and asking for gradients: θ_s as a leaf."""
    return {
        name: Factors(f.A.detach().requires_grad_(True), f.B.detach().requires_grad_(True))
        for name, f in factors.items()
    }


def gradient_of(loss: torch.Tensor, leaves: Mapping[str, Factors]) -> dict[str, Factors]:
    """∇_θ loss, in the shape of the factors."""
    tensors = [part for f in leaves.values() for part in _parts(f)]
    slopes = iter(torch.autograd.grad(loss, tensors))
    return {name: Factors(next(slopes), next(slopes)) for name in leaves}


def with_gradient(value: torch.Tensor, factors: Mapping[str, Factors], slope: Mapping[str, Factors]) -> torch.Tensor:
    """A number that was worked out elsewhere, with its gradient in θ.

    What made θ learns from it as from the loss itself.
    """
    pairs = [
        (part, known)
        for name, each in factors.items()
        for part, known in zip(_parts(each), _parts(slope[name]), strict=True)
    ]
    along = torch.stack([(part * known.detach()).sum().float() for part, known in pairs]).sum()
    return value.detach() + (along - along.detach())


def _parts(factors: Factors) -> Sequence[torch.Tensor]:
    return factors.A, factors.B
