"""How well a net does what was asked, how well it has forgotten, and whether it is a copy."""

from __future__ import annotations

import numpy as np
import torch

from unhype.hyperforget.digits import Split
from unhype.hyperforget.nets import Shape, logits, nets_of, tokens_of


def alignment(asked: torch.Tensor, got: torch.Tensor) -> float:
    """Prompt alignment, R² = 1 − Σ(asked − got)² / Σ(asked − mean)², mean over nets (Peebles et al. 2022).

    Args:
        asked: losses ``[prompts]``.
        got: by each net ``[nets, prompts]``.
    """
    missed, spread = (got - asked).square().sum(-1), (asked - asked.mean()).square().sum()
    return float((1 - missed / spread).mean())


def membership(nets: torch.Tensor, split: Split, digit: int, shape: Shape) -> np.ndarray:
    """Share of the forgotten digit's training pictures that are taken for members, of each net ``[n]``.

    A balanced logistic regression on the entropy of what a net says, with D_r as members and the test pictures as
    others, as Foster et al. (2024) published it.
    """
    from sklearn.linear_model import LogisticRegression

    parts = (split.train.without(digit), split.test, split.train.only(digit))
    entropies = [_entropy(logits(nets, part.x, shape)).numpy()[..., None] for part in parts]
    shown = np.repeat([1, 0], [len(part.y) for part in parts[:2]])
    shares = []
    for retained, test, forgotten in zip(*entropies, strict=True):
        attack = LogisticRegression(class_weight="balanced").fit(np.concatenate([retained, test]), shown)
        shares.append(float(attack.predict(forgotten).mean()))
    return np.array(shares)


def _entropy(said: torch.Tensor) -> torch.Tensor:
    return torch.distributions.Categorical(logits=said).entropy()


def matched(nets: torch.Tensor, reference: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Nets ``[n, size]`` with their neurons in the order that comes nearest to a reference ``[size]``."""
    from scipy.optimize import linear_sum_assignment

    tokens, bias = tokens_of(nets, shape)
    costs = torch.cdist(tokens_of(reference, shape)[0].expand_as(tokens), tokens).square()
    order = torch.from_numpy(np.stack([linear_sum_assignment(cost)[1] for cost in costs.numpy()]))
    return nets_of(tokens.gather(1, order[..., None].expand_as(tokens)), bias)


def distances(nets: torch.Tensor, zoo: torch.Tensor, shape: Shape) -> np.ndarray:
    """How far each net ``[n, size]`` is from the nearest in the zoo ``[m, size]``, neurons matched ``[n]``."""
    from scipy.optimize import linear_sum_assignment

    tokens, bias = tokens_of(zoo, shape)
    found = []
    for own, own_bias in zip(*tokens_of(nets, shape), strict=True):
        costs = torch.cdist(own, tokens).square()
        rest = (bias - own_bias).square().sum(-1)
        # No matching is cheaper than every neuron with its nearest: most of the zoo is ruled out by that.
        bounds = torch.maximum(costs.amin(1).sum(-1), costs.amin(2).sum(-1)) + rest
        best = float("inf")
        for i in bounds.argsort().tolist():
            if float(bounds[i]) >= best:
                break
            rows, columns = linear_sum_assignment(costs[i].numpy())
            best = min(best, float(costs[i][rows, columns].sum() + rest[i]))
        found.append(best**0.5)
    return np.array(found)
