"""How surely a monitor would see one person in what a text draws, with a gradient.

    s = max(0, min(σ − suspected, σ + w_1 · V − bar))        σ = w_0 · logit + w_2 · max(0, near − usual)

ẑ_0 is the picture as a prediction has it; the logit is the monitor's net's, on the bare base's features of it, V the
base's evidence (:mod:`unhype.monitor.witness`), and near is how near the text's phrases come to the name: the attacker
computes all that the monitor does. Where s is 0, the person is not suspected, or the suspicion comes to nothing; so an
attacker may take whichever way is shorter.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import torch

from unhype.eraser import Eraser
from unhype.erasing.guarded import Guarded
from unhype.erasing.phrases import Vectors, nearness
from unhype.erasing.switch import Switch
from unhype.families.family import Family
from unhype.monitor.features import view
from unhype.monitor.monitor import Monitor
from unhype.monitor.witness import evidence

open_view, open_evidence = inspect.unwrap(view), inspect.unwrap(evidence)
"""What the monitor computes, without its ``no_grad``."""


class Suspicion:
    """s, of one monitor and one person."""

    def __init__(self, family: Family, monitor: Monitor, concept: str, switch: Switch | None = None) -> None:
        """``switch``: what reads the words. A ValueError says that monitor or switch do not know the concept."""
        self.family, self.monitor = family, monitor.to(family.device)
        self.switch = switch and switch.to(family.device)
        self.place, self.heard = monitor.concepts.index(concept), switch.concepts.index(concept) if switch else -1

    def __call__(
        self,
        noisy: torch.Tensor,
        times: torch.Tensor,
        predicted: torch.Tensor,
        near: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Of predictions ``[n, C, h, w]`` at z_t: s, in nats, ``[n]``.

        The denoiser is asked, and must be the base's own meanwhile.

        Args:
            near: of the text of each, :meth:`near`; None for words that say nothing.
        """
        logits, evidence = self.told(noisy, times, predicted)
        suspicion = self.monitor.suspicion(logits, near)
        above = self.monitor.above(suspicion, evidence)
        return torch.minimum(suspicion - self.monitor.suspected, above).clamp(min=0)

    def near(self, texts: Sequence[str], vectors: Vectors | None = None) -> torch.Tensor | None:
        """How near the words of texts come to the person, ``[n]``; None where nobody reads them.

        Args:
            vectors: what reads phrases, in place of the family's: one with a gradient.
        """
        if self.switch is None:
            return None
        shown = [self.family.visible(text) for text in texts]
        return nearness(vectors or self.family.vectors, self.switch, shown)[:, self.heard]

    def told(
        self, noisy: torch.Tensor, times: torch.Tensor, predicted: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What net and base say of the person in ẑ_0: logits and V, ``[n]`` each."""
        shown = self.family.clean(noisy, times, predicted).float()
        seen = open_view(self.family, shown)
        prompt = self.monitor.prompts[self.place]
        suspects = [(picture, prompt) for picture in range(len(shown))]
        return self.monitor.net(seen.features)[:, self.place], open_evidence(self.family, shown, seen.clean, suspects)


def monitor_of(eraser: Eraser) -> Monitor | None:
    """The monitor with which an eraser draws, where it has one."""
    return eraser.guard.monitor if isinstance(eraser, Guarded) else None
