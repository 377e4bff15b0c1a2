"""Does a sentence bear a phrase out? In a foreign or long sentence some piece of a word means a forgotten concept when
it is read alone, and nobody in its place: ``dans`` is Chris Evans, ``river and`` Rihanna.

So a phrase that is not beyond doubt is left out, and the sentence read again: what a name says, the sentence says less
without it. The less it does, the nearer to the concept the phrase itself must lie:

    missed = cos(sentence) − min(cos(sentence without it), REST)
    cos(phrase) ≥ SURE − max(0, missed − SPARED) / 2

Cosines are the switch's, to the concept's centre. A name alone is its own sentence and needs nothing more. Among
several people a sentence tells of none; names that are written out lie beyond SURE and are found there all the same.
SURE is the switch's own (:class:`unhype.concepts.kinds.Kind`), and all of it was fixed on development sentences.
The gate only closes, it opens nothing. What it costs and what it loses: docs/experiments/sentences.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from unhype.erasing.switch import Switch

AROUND = 24
"""Words of a sentence on either side of a phrase: with more, encoders of 77 tokens would not see its end."""

SPARED = 0.1
"""So much less may a sentence mean without any of its words."""

REST = 0.25
"""What the rest of a sentence means counts against a phrase up to this cosine: who is named twice is named."""


def surroundings(words: Sequence[str], span: tuple[int, int]) -> tuple[str, str]:
    """The sentence around a phrase, with it and without it."""
    before, after = words[max(0, span[0] - AROUND) : span[0]], words[span[1] : span[1] + AROUND]
    return " ".join([*before, *words[slice(*span)], *after]), " ".join([*before, *after])


def needed(switch: Switch, whole: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
    """Cosine that phrases need, ``[n]``, of their sentences' cosines with and without them."""
    missed = whole - rest.clamp(max=REST)
    return switch.sure - (missed - SPARED).clamp(min=0) / 2
