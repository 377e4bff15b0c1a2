"""How strongly a monitor would suspect one person in what a text draws, with a gradient.

    s = max(0, logit(features(ẑ_0)) − suspected)

ẑ_0 is the picture as a prediction has it, the features are the bare base's, and the logit is the monitor's own: up to
here the attacker computes what the monitor does. Where s is 0 the base is not even asked about the person, and who is
not suspected is not seen; so the witness, which would cost four more calls of the denoiser, is left out.
"""

from __future__ import annotations

import inspect

import torch

from unhype.eraser import Eraser
from unhype.erasing.guarded import Guarded
from unhype.families.family import Family
from unhype.monitor.features import features
from unhype.monitor.monitor import Monitor

open_features = inspect.unwrap(features)
"""The monitor's features without their ``no_grad``."""


class Suspicion:
    """s, of one monitor and one person."""

    def __init__(self, family: Family, monitor: Monitor, concept: str) -> None:
        """A ValueError says that the monitor does not know the concept."""
        self.family, self.monitor = family, monitor.to(family.device)
        self.place = monitor.concepts.index(concept)

    def __call__(self, noisy: torch.Tensor, times: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
        """Of predictions ``[n, C, h, w]`` at z_t: s, in logits, ``[n]``.

        The denoiser is asked, and must be the base's own meanwhile.
        """
        return (self.logits(noisy, times, predicted) - self.monitor.suspected).clamp(min=0)

    def logits(self, noisy: torch.Tensor, times: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
        """How surely the net sees the person in ẑ_0, ``[n]``."""
        clean = self.family.clean(noisy, times, predicted)
        found: torch.Tensor = self.monitor.net(open_features(self.family, clean.float()))[:, self.place]
        return found


def monitor_of(eraser: Eraser) -> Monitor | None:
    """The monitor with which an eraser draws, where it has one."""
    return eraser.guard.monitor if isinstance(eraser, Guarded) else None
