"""Where random numbers stood when a pipeline's call began, so that it can begin again from the same noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


class Randomness:
    """The state of a call's generators; of torch's own where it was given none."""

    def __init__(self, given: Any) -> None:
        """``given`` is the call's ``generator``: one for all its pictures, one for each, or None."""
        every = given if isinstance(given, list | tuple) else [given]
        self.generators = [(each, each.get_state()) for each in every if each is not None]
        self.ours = None if self.generators else torch.get_rng_state()
        self.device = torch.cuda.get_rng_state_all() if self.ours is not None and torch.cuda.is_available() else None

    def restore(self, pictures: Sequence[int] | None = None) -> None:
        """Put everything back; of some pictures alone, where each has a generator of its own."""
        for generator, state in self.generators if pictures is None else [self.generators[i] for i in pictures]:
            generator.set_state(state)
        if self.ours is not None:
            torch.set_rng_state(self.ours)
        if self.device is not None:
            torch.cuda.set_rng_state_all(self.device)
