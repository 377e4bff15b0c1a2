"""How well nets do what was asked, how well they have forgotten, and whether they are copies."""

from __future__ import annotations

import numpy as np
import torch

from unhype.hyperforget.digits import Split
from unhype.hyperforget.nets import Shape, logits, nets_of, parts_of


def alignment(asked: torch.Tensor, got: torch.Tensor) -> float:
    """Prompt alignment, R² = 1 − Σ(asked − got)² / Σ(asked − mean)², mean over nets (Peebles et al. 2022).

    Args:
        asked: losses ``[prompts]``.
        got: by each net ``[nets, prompts]``.
    """
    missed, spread = (got - asked).square().sum(-1), (asked - asked.mean()).square().sum()
    return float((1 - missed / spread).mean())


def membership(nets: torch.Tensor, split: Split, digit: int, shape: Shape) -> float:
    """Share of the forgotten digit's training pictures that are taken for members, mean over nets.

    A balanced logistic regression on the entropy of what a net says, with D_r as members and the test pictures as
    others, as the code of Foster et al. (2024) has it.
    """
    from sklearn.linear_model import LogisticRegression

    parts = (split.train.only(digit, others=True), split.test, split.train.only(digit))
    said = [torch.distributions.Categorical(logits=logits(nets, part.x, shape)) for part in parts]
    entropies = [each.entropy().numpy()[..., None] for each in said]
    member = np.repeat([1, 0], [len(part.y) for part in parts[:2]])
    shares = []
    for retained, test, forgotten in zip(*entropies, strict=True):
        attack = LogisticRegression(class_weight="balanced").fit(np.concatenate([retained, test]), member)
        shares.append(attack.predict(forgotten).mean())
    return float(np.mean(shares))


def matched(nets: torch.Tensor, reference: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Nets ``[n, size]`` with their neurons in the order that comes nearest to a reference ``[size]``."""
    inward, outward, bias = parts_of(nets, shape)
    costs = _costs(nets, reference[None], shape)
    order = torch.from_numpy(np.stack([_assigned(cost)[1] for cost in costs]))[..., None]
    return nets_of(inward.gather(1, order.expand_as(inward)), outward.gather(1, order.expand_as(outward)), bias)


def distance(nets: torch.Tensor, zoo: torch.Tensor, shape: Shape) -> float:
    """How far nets ``[n, size]`` are from the nearest in the zoo ``[m, size]``, neurons matched; mean over nets."""
    found = []
    for net in nets:
        costs = _costs(zoo, net[None], shape)
        rest = (parts_of(zoo, shape)[2] - parts_of(net, shape)[2]).square().sum(-1)
        # No matching is cheaper than every neuron with its nearest: that rules most of the zoo out.
        bounds, best = torch.maximum(costs.amin(1).sum(-1), costs.amin(2).sum(-1)) + rest, float("inf")
        for i in bounds.argsort().tolist():
            if float(bounds[i]) >= best:
                break
            best = min(best, float(costs[i][_assigned(costs[i])].sum() + rest[i]))
        found.append(best**0.5)
    return float(np.mean(found))


def _costs(nets: torch.Tensor, other: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Squared distances of the other's neurons from those of nets ``[n, hidden, hidden]``."""
    tokens, others = (torch.cat(parts_of(some, shape)[:2], dim=-1) for some in (nets, other))
    return torch.cdist(others.expand(len(tokens), -1, -1), tokens).square()


def _assigned(cost: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(cost.numpy())
    return rows, columns
