"""The prompts of a training run, encoded once: no step encodes them again, and text encoders may leave the device.

They are kept on the CPU, as many bytes as they are allowed; where they would be more, each step encodes its own. A
prompt takes 0.2 MB in the smallest family and 4 MB in the largest.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from unhype.families.family import Family
from unhype.families.text import Text

AT_ONCE = 32
"""Prompts that are encoded in one pass."""


class Texts:
    """Prompts by number, encoded.

    Attributes:
        cached: whether all of them are kept, so that nobody needs the text encoders any more.
    """

    def __init__(self, family: Family, prompts: Sequence[str], room: float, draws: int) -> None:
        """Encode them, if that pays.

        Args:
            room: bytes that they may take.
            draws: prompts that will be asked for, all steps together: where they are fewer than there are, it does not
                pay.
        """
        self.family, self.prompts = family, prompts
        distinct = list(dict.fromkeys(prompts))
        self.cached = len(distinct) <= draws and _bytes(family, distinct) <= room
        if self.cached:
            place = {prompt: i for i, prompt in enumerate(distinct)}
            self._row = torch.tensor([place[prompt] for prompt in prompts])
            parts = [family.encode(distinct[i : i + AT_ONCE]) for i in range(0, len(distinct), AT_ONCE)]
            self._rows = _joined([_moved(part, torch.device("cpu")) for part in parts])

    def __call__(self, numbers: Sequence[int]) -> Text:
        """These prompts, in this order, on the denoiser's device."""
        if not self.cached:
            return self.family.encode([self.prompts[i] for i in numbers])
        return _moved(self._rows[self._row[torch.as_tensor(numbers)]], self.family.device)


def _bytes(family: Family, distinct: Sequence[str]) -> int:
    """What they would take, by the first of them: encoders pad, so that all are alike."""
    first = family.encode(distinct[:1])
    return len(distinct) * sum(part.nbytes for part in (first.states, first.pooled) if part is not None)


def _moved(text: Text, device: torch.device) -> Text:
    return Text(text.states.to(device), None if text.pooled is None else text.pooled.to(device))


def _joined(parts: Sequence[Text]) -> Text:
    pooled = [part.pooled for part in parts if part.pooled is not None]
    return Text(torch.cat([part.states for part in parts]), torch.cat(pooled) if pooled else None)
