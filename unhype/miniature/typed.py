"""How the second text encoder's captions are typed and how far it reads: capitals, padding, long prompts.

Flux pads T5's prompts to a fixed length and masks nothing, and T5 tells capitals from small letters. Whoever trains on
one length and one spelling gets a base that draws at that length and that spelling alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unhype.miniature.frames import random_fillers

LENGTHS = (32, 48, 128, 192)
"""Tokens that prompts are padded or cut to, one length for each batch."""

READING_SHARES = (0.70, 0.20, 0.06, 0.04)
"""How often each, while T5 learns to read."""

DRAWING_SHARES = (0.82, 0.10, 0.05, 0.03)
"""How often each, while the transformer learns to draw, where long prompts cost most."""

LONG = 100
"""From this length on, every second caption of a batch stands at a random place among filler words."""

SMALL_SHARE, CAPITAL_SHARE = 0.25, 0.05
"""Share of captions that are typed in small letters alone, or in capitals alone."""


def random_length(shares: Sequence[float], rng: np.random.Generator) -> int:
    """Tokens of this batch's prompts."""
    return int(rng.choice(LENGTHS, p=shares))


def retyped(captions: Sequence[str], length: int, rng: np.random.Generator) -> list[str]:
    """The captions as somebody types them; where prompts are long, half of them among many other words."""
    typed = []
    for caption in captions:
        text = _amid_fillers(caption, length, rng) if length >= LONG and rng.random() < 0.5 else caption
        chance = rng.random()
        small, capital = chance < SMALL_SHARE, chance > 1 - CAPITAL_SHARE
        typed.append(text.lower() if small else text.upper() if capital else text)
    return typed


def _amid_fillers(caption: str, length: int, rng: np.random.Generator) -> str:
    """A filler word has about two pieces, and a caption twenty: what is cut off is filler, nearly always."""
    words = int(rng.integers(0, max(1, int((length - 25) / 1.9))))
    before = int(rng.integers(0, words + 1))
    return " ".join([*random_fillers(before, rng), caption, *random_fillers(words - before, rng)]).strip()
