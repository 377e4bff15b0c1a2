"""SGD on the task loss of several concepts at once, each with a LoRA of its own: what slope matching is to follow.

The loss is the trainer's own: the same rows, noise, times, target and units (unhype/erasing/trainer.py, losses.py). All
concepts' rows of a step are one batch, as there.

Shapes: k concepts, n rows of each, D numbers of a LoRA.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from paths import flat, shaped
from torch.nn.attention import SDPBackend, sdpa_kernel

from unhype.adapters.lora import Factors, active
from unhype.erasing.heads import Through
from unhype.erasing.losses import as_leaves, gradient_of, guided_target, task_loss
from unhype.erasing.material import Material
from unhype.erasing.texts import Texts
from unhype.erasing.trainer import TrainingSettings
from unhype.families.family import Family
from unhype.families.text import Text
from unhype.training import arithmetic_of, computing_in

ROOM = 4e9
"""Bytes for encoded prompts."""


@dataclass(frozen=True)
class Batch:
    """k·n rows, concept after concept: z_t, t, the prompt, and what the base predicts for it and for its anchor."""

    noisy: torch.Tensor
    times: torch.Tensor
    text: Text
    concept: torch.Tensor
    anchor: torch.Tensor


class Objective:
    """E L_task of each of k concepts."""

    def __init__(
        self, family: Family, settings: TrainingSettings, material: Material, rows: Sequence[np.ndarray]
    ) -> None:
        """Take what is minimised.

        Args:
            rows: of the material, those of each concept.
        """
        self.family, self.settings, self.material, self.rows = family, settings, material, rows
        self.texts = Texts(family, [*material.prompts, *material.anchors], ROOM, 10**9)

    @torch.no_grad()
    def draw(self, n: int, rng: np.random.Generator) -> Batch:
        """n rows of each concept with fresh noise and times."""
        chosen = np.concatenate([rng.choice(each, size=n) for each in self.rows])
        both = self.texts([*chosen, *(chosen + len(self.material.prompts))])
        settings = self.settings
        noisy, times = self.material.noised(self.family, chosen, rng, settings.earliest, settings.times)
        with self._arithmetic():
            concept, anchor = self.family.predict(torch.cat([noisy] * 2), torch.cat([times] * 2), both).chunk(2)
        return Batch(noisy, times, both.chunk(2)[0], concept, anchor)

    def target(self, batch: Batch, share: float) -> torch.Tensor:
        """ε_target."""
        return guided_target(batch.concept, batch.anchor, self.settings.gamma, torch.full((len(batch.noisy),), share))

    def slope(self, theta: Mapping[str, Factors], batch: Batch, share: float) -> torch.Tensor:
        """∇_θ of each concept's loss at its own θ, ``[k, D]``, with the target a share of the way from the base's."""
        leaves, k = as_leaves(theta), len(self.rows)
        scale = ((batch.concept - batch.anchor) ** 2).flatten(1).mean(1)
        scale = scale.mean() + scale
        repeated = {name: f.repeated(len(batch.noisy) // k) for name, f in leaves.items()}
        with active(self.family.denoiser, repeated), sdpa_kernel(SDPBackend.MATH), self._arithmetic():
            predicted = self.family.predict(batch.noisy, batch.times, batch.text)
            loss = task_loss(predicted, self.target(batch, share), scale)
        # The batch's mean gradient is a k-th of each concept's own.
        return k * flat(gradient_of(loss, leaves))

    @torch.no_grad()
    def remaining(self, theta: Mapping[str, Factors], batch: Batch) -> torch.Tensor:
        """‖ε_θ − ε_target‖² over ‖ε* − ε_target‖² with the whole target, ``[k]``: 1 is the base, 0 is forgotten."""
        k, target = len(self.rows), self.target(batch, 1.0)
        with active(self.family.denoiser, {name: f.repeated(len(batch.noisy) // k) for name, f in theta.items()}):
            predicted = self.family.predict(batch.noisy, batch.times, batch.text)
        left, whole = (((each - target) ** 2).reshape(k, -1).sum(1) for each in (predicted, batch.concept))
        return left / whole

    def _arithmetic(self) -> torch.autocast:
        """That of the trainer's steps."""
        precision = arithmetic_of(self.settings.precision, self.family.device)
        return computing_in(precision, self.family.device)


def walk(
    start: Mapping[str, Factors],
    slope: Callable[[Mapping[str, Factors], int], torch.Tensor],
    steps: int,
    eta: float,
) -> torch.Tensor:
    """θ_{s+1} = θ_s − η·slope(θ_s, s) from ``start``, ``[S + 1, k, D]``: plain SGD."""
    points = [flat(start).detach()]
    for s in range(steps):
        points.append(points[-1] - eta * slope(shaped(points[-1], start), s))
    return torch.stack(points)


def into_range(head: Through, like: Mapping[str, Factors]) -> Callable[[torch.Tensor], torch.Tensor]:
    """A step ``[k, D]`` → the nearest one that the head ``through`` can emit.

    It emits one A and one V for all sites that read the same thing, right = W0·V. The nearest A is the sites' mean, the
    nearest V a least-squares solution.
    """
    groups = [[site.name for site in head.sites if (site.reads, site.inputs) == group] for group in head.groups]
    weights = [[head._weights[name].detach().float() for name in names] for names in groups]
    inverses = [torch.linalg.pinv(torch.cat(each)) for each in weights]

    def onto(step: torch.Tensor) -> torch.Tensor:
        found: dict[str, Factors] = {}
        wanted = shaped(step, like)
        for names, own, inverse in zip(groups, weights, inverses, strict=True):
            A = torch.stack([wanted[name].A for name in names]).mean(0)
            V = inverse @ torch.cat([wanted[name].B for name in names], dim=1)
            found |= {name: Factors(A, W0 @ V) for name, W0 in zip(names, own, strict=True)}
        return flat({name: found[name] for name in like})

    return onto
