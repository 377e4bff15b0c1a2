"""Where random numbers stood when a pipeline's call began, so that it can begin again from the same noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


class Randomness:
    """The state of a call's generators, and of torch's own."""

    def __init__(self, given: Any) -> None:
        """``given`` is the call's ``generator``: one for all its pictures, one for each, or None."""
        every = given if isinstance(given, list | tuple) else [given]
        self.generators = [(each, each.get_state()) for each in every if each is not None]
        self.ours = torch.get_rng_state()
        self.device = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None

    def restore(self) -> None:
        """Put everything back."""
        self.restore_of(range(len(self.generators)))
        torch.set_rng_state(self.ours)
        if self.device is not None:
            torch.cuda.set_rng_state_all(self.device)

    def restore_of(self, pictures: Sequence[int]) -> None:
        """Put back what some pictures have alone, where each has a generator of its own."""
        for picture in pictures:
            generator, state = self.generators[picture]
            generator.set_state(state)
