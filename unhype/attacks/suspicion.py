"""How surely a monitor would see one person in what a text draws, with a gradient.

    s = max(0, min(w_0 · logit + words − suspected, w_0 · logit + words · borne out + w_1 · V − bar))

ẑ_0 is the picture as a prediction has it; the logit is the monitor's net's, on the bare base's features of it, V the
base's evidence, and words are how near the text's phrases come to the name, borne out as far as the name explains the
picture as they do (:mod:`unhype.monitor.monitor`): the attacker computes all that the monitor does. Where s is 0, the
person is not suspected, or the suspicion comes to nothing; so an attacker may take whichever way is shorter.
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
from unhype.families.text import Text
from unhype.monitor.features import view
from unhype.monitor.monitor import Monitor, borne_out
from unhype.monitor.witness import Evidence, evidence

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
        text: Text | None = None,
    ) -> torch.Tensor:
        """Of predictions ``[n, C, h, w]`` at z_t: s, in nats, ``[n]``.

        The denoiser is asked, and must be the base's own meanwhile.

        Args:
            near, text: of each, :meth:`near` and the text as the denoiser reads it; None for words that say nothing.
        """
        words = torch.zeros(len(noisy), device=noisy.device) if near is None else self.monitor.hearing(near)
        logits, said = self.told(noisy, times, predicted, text if bool((words > 0).any()) else None)
        seen = self.monitor.weights[0] * logits
        above = self.monitor.above(seen + words * borne_out(said.behind), said.told)
        return torch.minimum(seen + words - self.monitor.suspected, above).clamp(min=0)

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
        self, noisy: torch.Tensor, times: torch.Tensor, predicted: torch.Tensor, text: Text | None = None
    ) -> tuple[torch.Tensor, Evidence]:
        """What net and base say of the person in ẑ_0: logits ``[n]``, and the evidence, beside that of the text."""
        shown = self.family.clean(noisy, times, predicted).float()
        seen = open_view(self.family, shown)
        prompt = self.monitor.prompts[self.place]
        suspects = [(picture, prompt) for picture in range(len(shown))]
        logits: torch.Tensor = self.monitor.net(seen.features)[:, self.place]
        return logits, open_evidence(self.family, shown, seen.clean, suspects, text)


def monitor_of(eraser: Eraser) -> Monitor | None:
    """The monitor with which an eraser draws, where it has one."""
    return eraser.guard.monitor if isinstance(eraser, Guarded) else None
