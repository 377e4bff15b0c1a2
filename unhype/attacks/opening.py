"""What an attacker who knows everything sees of an eraser: how its denoiser predicts, and how near its gate is to open.

Every eraser can be attacked by its pictures alone (:class:`unhype.eraser.Eraser`). One that is open here can also be
attacked through itself: the same functions that draw, without the ``no_grad`` that drawing has.

Shapes: n texts, each for so many rows of noisy latents in a row; p phrases, d width of c, m forgotten concepts.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

import torch

from unhype.adapters.lora import Factors, active
from unhype.baselines.adapters import Adapted, by_site, summed
from unhype.baselines.weights import Rewritten, replaced
from unhype.eraser import Eraser, Nothing
from unhype.erasing import sentences
from unhype.erasing.guarded import Guarded
from unhype.erasing.phrases import Reading, Vectors, neighbours, reader, spans_of, words_of
from unhype.erasing.switch import Switch
from unhype.families.family import Family

SLACK = 1e-3
"""How far below its border a margin must be to count as shut: batches of another size round otherwise."""


CLOSED = ("unguide_paper", "unguide_code", "dve", "dve_anchored")
"""Methods whose erasers only give pictures here: UnGuidance mixes two predictions by probes, DVE acts in the steps."""


class Open(Protocol):
    """An eraser without its lid."""

    family: Family
    switch: Switch | None

    def predicting(
        self, texts: Sequence[str], rows: int, vectors: Vectors | None = None
    ) -> AbstractContextManager[object]:
        """The family's denoiser predicts as the eraser does for these texts while the context is open.

        Args:
            rows: how many of the batch's rows in a row are each text's.
            vectors: what reads phrases, in place of the family's: one with a gradient.
        """
        ...

    def alarm(self, texts: Sequence[str], vectors: Vectors | None = None) -> torch.Tensor:
        """How much its gate notices, ``[n]``: 0 where it is shut, and where there is none that says how near it is."""
        ...


def opened(eraser: Eraser) -> Open | None:
    """The open form of an eraser; None where only its pictures can be had (``CLOSED``)."""
    if isinstance(eraser, Guarded):
        return OpenGuard(eraser)
    if isinstance(eraser, Nothing):
        return OpenBase(eraser.family)
    if isinstance(eraser, Rewritten):
        return OpenWeights(eraser)
    return OpenAdapters(eraser) if isinstance(eraser, Adapted) else None


class OpenBase:
    """The bare base."""

    switch: Switch | None = None

    def __init__(self, family: Family) -> None:
        self.family = family

    def predicting(
        self, texts: Sequence[str], rows: int, vectors: Vectors | None = None
    ) -> AbstractContextManager[object]:
        return nullcontext()

    def alarm(self, texts: Sequence[str], vectors: Vectors | None = None) -> torch.Tensor:
        return torch.zeros(len(texts), device=self.family.device)


class OpenWeights(OpenBase):
    """A base with other weights."""

    def __init__(self, eraser: Rewritten) -> None:
        super().__init__(eraser.case.family)
        self.weights = eraser.case.fitted(eraser.name)

    def predicting(
        self, texts: Sequence[str], rows: int, vectors: Vectors | None = None
    ) -> AbstractContextManager[object]:
        return replaced(self.family.bare_denoiser, self.weights)


class OpenAdapters(OpenBase):
    """LoRAs that a rule weighs.

    The rule decides for every candidate; the gradient does not go through it, since thresholds have none.
    """

    def __init__(self, eraser: Adapted) -> None:
        super().__init__(eraser.case.family)
        self.weigh, self.factors = eraser.weigh, by_site(eraser.case.fitted(eraser.fits), self.family.sites)

    def predicting(
        self, texts: Sequence[str], rows: int, vectors: Vectors | None = None
    ) -> AbstractContextManager[object]:
        with torch.no_grad():
            factors = summed(self.factors, self.weigh(list(texts)))
        return active(self.family.bare_denoiser, _repeated(factors, rows))


class OpenGuard:
    """A guard: its reader and switch on whatever vectors it is given, and H of them."""

    def __init__(self, eraser: Guarded) -> None:
        self.family, guard = eraser.family, eraser.guard
        self.switch = guard.switch and guard.switch.to(self.family.device)
        self.hypernet = copy.deepcopy(guard.trained.hypernet).to(self.family.device).bind(self.family.denoiser)
        self.hypernet.requires_grad_(False)
        self.steps = guard.share * self.hypernet.config.steps

    def factors(self, texts: Sequence[str], vectors: Vectors | None = None) -> dict[str, Factors]:
        """The LoRA of each text, as :meth:`unhype.erasing.guard.Guard.factors` has it; with the gradient of c."""
        read = self._read([self.family.visible(text) for text in texts], vectors or self.family.vectors)
        steps = torch.full((len(read) * read.phrases,), self.steps, device=read.c.device)
        each = self.hypernet(read.c.flatten(0, 1), steps, read.opened.flatten())
        return {name: factors.joined(read.phrases) for name, factors in each.items()}

    def _read(self, texts: Sequence[str], vectors: Vectors) -> Reading:
        """Which phrases count, and how far, are plain numbers (the alarm has their gradient); c keeps its own.

        Where H reads names c is theirs, whatever the text says, and has no gradient.
        """
        asked: list[torch.Tensor] = []

        def plain(phrases: Sequence[str]) -> torch.Tensor:
            asked.append(vectors(phrases))
            return asked[-1].detach()

        read = reader(plain, self.switch)(texts)
        if self.switch and self.switch.canonical is not None:
            return read
        every = torch.cat(asked)
        same = (read.c.flatten(0, 1)[:, None] == every.detach()).all(2).float().argmax(1)
        return Reading(every[same].view_as(read.c), read.opened)

    @contextmanager
    def predicting(self, texts: Sequence[str], rows: int, vectors: Vectors | None = None) -> Iterator[object]:
        with active(self.family.bare_denoiser, _repeated(self.factors(texts, vectors), rows)) as ran:
            yield ran

    def alarm(self, texts: Sequence[str], vectors: Vectors | None = None) -> torch.Tensor:
        if self.switch is None:
            return torch.zeros(len(texts), device=self.family.device)
        return noticed(vectors or self.family.vectors, self.switch, [self.family.visible(text) for text in texts])


def noticed(vectors: Vectors, switch: Switch, texts: Sequence[str]) -> torch.Tensor:
    """By how much the phrases of each text lie above the switch's border, all together, ``[n]``; 0 if it stays shut.

    Phrases are read as :func:`unhype.erasing.phrases.read_phrases` does: each with its two neighbours, the least of the
    three counts, and no more than by how much its sentence bears it out; the whole text is asked besides.
    """
    every = []
    split = [words_of(text) or [""] for text in texts]
    for words in split:
        threes = [(span, *neighbours(span, len(words))) for span in spans_of(len(words), switch.longest)]
        whole = (0, len(words))
        every.append([[" ".join(words[i:j]) for i, j in three] for three in (*threes, (whole, whole, whole))])
    phrases = sorted({phrase for threes in every for three in threes for phrase in three})
    rows = {phrase: row for row, phrase in enumerate(phrases)}
    margins = switch.margin(vectors(phrases))
    at = torch.tensor([[rows[phrase] for phrase in three] for threes in every for three in threes])
    eroded, concepts = margins[at.to(margins.device)].amin(1).max(1)
    spans = [(words, span) for words in split for span in [*spans_of(len(words), switch.longest), (0, len(words))]]
    above = _borne_out(vectors, switch, spans, eroded - switch.shut, concepts)
    above = (above + SLACK).clamp(min=0)
    return torch.stack([part.sum() for part in above.split([len(threes) for threes in every])])


def _borne_out(
    vectors: Vectors,
    switch: Switch,
    spans: Sequence[tuple[Sequence[str], tuple[int, int]]],
    above: torch.Tensor,
    concepts: torch.Tensor,
) -> torch.Tensor:
    """By how much phrases lie above the border, ``[n]``: no more than above what their sentences ask of them."""
    asked = [i for i, height in enumerate(above.tolist()) if switch.sure and height > -SLACK]
    if not asked:
        return above
    places = torch.tensor(asked, device=above.device)
    told = [
        (" ".join(words[slice(*span)]), *sentences.surroundings(words, span))
        for words, span in map(spans.__getitem__, asked)
    ]
    phrase, whole, rest = (switch.toward(vectors([each[side] for each in told]), concepts[places]) for side in range(3))
    borne = phrase - sentences.needed(switch, whole, rest)
    return above.index_copy(0, places, torch.minimum(above[places], borne))


def _repeated(factors: dict[str, Factors], rows: int) -> dict[str, Factors]:
    return {name: each.repeated(rows) for name, each in factors.items()}
