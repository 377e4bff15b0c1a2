"""The guard: UnHype at inference, on any pipeline of its base. Every prompt gets the LoRA that its own words call for.

    guard = Guard.load("build/guards/NAME")
    with guard.attached(pipeline):
        pipeline(["a photo of a forgotten name", "a photo of a dog"])

Prompts → their phrases' c → H(c, S) → factors of the rows of text that these prompts become; a prompt that speaks of
nothing forgotten has none, and neither have negative prompts. It fails closed (:mod:`unhype.adapters.watching`).

One guard serves many pipelines and threads: it never changes. What it does not read is said at :class:`Guard`, and what
users may do with a guarded pipeline in docs/guard.md.
"""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from unhype.adapters.looking import Drawn, Opinion
from unhype.adapters.lora import Factors
from unhype.adapters.rows import Emit, Read, Texts
from unhype.adapters.watching import attach
from unhype.bases.finding import Source
from unhype.bases.loading import BaseSettings, fetched
from unhype.erasing.checkpoint import Trained, load
from unhype.erasing.hypernet import Hypernet, strength
from unhype.erasing.phrases import Reading, joined, once, reader
from unhype.erasing.suiting import check, check_family, choices
from unhype.erasing.switch import Switch
from unhype.errors import UnhypeError
from unhype.families.choosing import family_class, family_of
from unhype.families.family import Family
from unhype.families.loading import family_named_in, load_family
from unhype.families.text import Text
from unhype.families.vocabulary import Vocabulary
from unhype.monitor.monitor import LOOK, Heard, Monitor

LOG = logging.getLogger(__name__)
"""Tells whom the monitor sees, at the level INFO."""


class Guard:
    """A trained eraser, ready to be attached.

    It reads words; if it has a monitor, it also looks at what is being drawn. It does not read pictures that come in
    (img2img's and inpainting's start, IP-Adapter, what a ControlNet is shown), a ControlNet's own attention to the
    prompt, or weights that are changed in place or added while it is attached (``load_state_dict``, a LoRA that draws
    the forgotten).

    Attributes:
        trained: hypernetwork, switch, monitor, facts.
        share: s/S, the dial: 1 forgets wholly, 0 not at all.
        switch: of the concepts that were chosen.
        monitor: the second opinion; None where there is none, where it is not wanted, and where nothing is forgotten.
        inversions: whether prompts may have learned tokens (textual inversion), which are refused else.
    """

    def __init__(
        self,
        trained: Trained,
        concepts: Sequence[str] | None = None,
        share: float = 1.0,
        monitored: bool = True,
        inversions: bool = False,
    ) -> None:
        if not 0 <= share <= 1:
            raise UnhypeError(f"got a share of {share}, wanted a number from 0 (nothing is forgotten) to 1")
        self.trained, self.share, self.inversions = trained, share, inversions
        self.switch = _chosen(trained.switch, concepts)
        self.monitor = trained.monitor if monitored and share > 0 else None
        self._placed: WeakKeyDictionary[Family, _Placed] = WeakKeyDictionary()
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls,
        folder: str | Path,
        concepts: Sequence[str] | None = None,
        share: float = 1.0,
        ungated: bool = False,
        monitored: bool = True,
        inversions: bool = False,
    ) -> Guard:
        """From a guard folder, or a registry URI such as ``models:/unhype-celeb100@champion``.

        Args:
            concepts: forget only these of the concepts that were trained; all of them by default.
            share: s/S.
            ungated: take a version from the registry that did not pass its gates, too.
            monitored: look at what is being drawn as well, where the guard has learnt to.
            inversions: read prompts with learned tokens as far as words go, and do not refuse them.
        """
        if str(folder).startswith(("models:/", "runs:/")):
            from unhype.registry import local_folder

            folder = local_folder(str(folder), ungated=ungated)
        return cls(load(Path(folder)), concepts, share, monitored, inversions)

    def load_family(self, source: Source, settings: BaseSettings | None = None) -> Family:
        """A base for this guard, with the layers that it adapts; its weights are compared when it is attached.

        Raises:
            UnhypeError: a base of another family, before its weights are read; or see
                :func:`unhype.families.loading.load_family`.
        """
        source = fetched(source)
        check_family(self.trained, family_named_in(source).name)
        return load_family(source, settings, *choices(self.trained))

    # ------------------------------------------------------------ pipelines

    @contextmanager
    def attached(self, pipeline: Any, derived: bool = False, family: Family | None = None) -> Iterator[Any]:
        """The pipeline under guard while the context is open; arguments as for :meth:`attach`."""
        detach = self._attach(pipeline, derived, family, 5)  # this, the context manager's, the caller's
        try:
            yield pipeline
        finally:
            detach()

    def attach(self, pipeline: Any, derived: bool = False, family: Family | None = None) -> Callable[[], None]:
        """Put a pipeline under guard for good; returns what undoes it.

        Args:
            derived: accept a fine-tuned relative of the base, too; how far it is from the base is then warned of.
            family: the pipeline's, where it is at hand.

        Raises:
            UnhypeError: another family of pipeline, another base than it was trained for, or a pipeline under guard
                already.
        """
        return self._attach(pipeline, derived, family, 4)

    def _attach(self, pipeline: Any, derived: bool, family: Family | None, level: int) -> Callable[[], None]:
        if family is None:
            check_family(self.trained, family_class(pipeline).name)
            with _as_found(pipeline):
                family = family_of(pipeline, *choices(self.trained))
        check(self.trained, family, self.monitor is not None, derived, level)
        self._place(family)
        return attach(family, self._reader(), self._emitter(), self, opinion=self._opinion(), silent=_silent)

    # ------------------------------------------------------------ prompts

    @torch.no_grad()
    def factors(self, family: Family, prompts: Sequence[str]) -> dict[str, Factors]:
        """The LoRA of each prompt: those of its phrases, together."""
        return self._emit(family, self.read(family, prompts))

    def read(self, family: Family, prompts: Sequence[str]) -> Reading:
        """What prompts speak of; nothing is open for those that the base draws as if there were no guard.

        Raises:
            UnhypeError: learned tokens, see :mod:`unhype.families.vocabulary`; no matter where the guard takes them.
        """
        return self._read(family, [family.visible(prompt) for prompt in prompts])

    def _read(self, family: Family, texts: Sequence[str]) -> Reading:
        """Of texts that are cut to what the encoders read."""
        placed = self._place(family)
        if placed.vocabulary:
            placed.vocabulary.check(family, texts)
        return reader(family.vectors, placed.switch)(texts)

    def strength(self, family: Family, prompts: Sequence[str]) -> torch.Tensor:
        """‖ΔW‖ of each prompt, ``[n]``: is the switch a switch?"""
        return strength(self.factors(family, prompts))

    @torch.no_grad()
    def _emit(self, family: Family, read: Reading) -> dict[str, Factors]:
        placed = self._place(family)
        hypernet, read = placed.hypernet, read.to(placed.device)
        steps = torch.full((len(read) * read.phrases,), self.share * hypernet.config.steps, device=read.c.device)
        each: dict[str, Factors] = hypernet(read.c.flatten(0, 1), steps, read.opened.flatten())
        return {name: factors.joined(read.phrases) for name, factors in each.items()}

    def _reader(self) -> Read:
        def read(family: Family, rows: Sequence[Texts]) -> list[Reading]:
            """One reading a picture, over all the texts that its encoders get."""
            distinct = list(dict.fromkeys(chain.from_iterable(rows)))
            found = self._read(family, distinct)  # cut already, to what this call reads
            place = {text: i for i, text in enumerate(distinct)}
            return [beside([found[torch.tensor([place[text]])] for text in row]) for row in rows]

        return read

    def _emitter(self) -> Emit:
        return lambda family, readings: self._emit(family, joined([reading.to(family.device) for reading in readings]))

    def _opinion(self) -> Opinion | None:
        if self.monitor is None:
            return None
        concepts = self.monitor.concepts
        stay = frozenset(concepts) - frozenset(self.switch.concepts if self.switch else concepts)

        def look(family: Family, drawn: Drawn, seen: Sequence[Sequence[int]]) -> list[int]:
            """What is not chosen may be drawn, and what a prompt says, or was seen before, is being erased already."""
            placed = self._place(family)
            assert placed.monitor is not None
            aside = [
                stay.union(_erased(reading, placed.switch), (concepts[k] for k in before))
                for reading, before in zip(drawn.said, seen, strict=True)
            ]
            found = placed.monitor.seen(family, drawn.latents.to(placed.device), aside, _heard(drawn, placed))
            for row, one in enumerate(found, 1):
                if one >= 0:
                    LOG.info("picture %d of %d shows %s, and no word said so", row, len(found), concepts[one])
            return found

        def amend(family: Family, said: Reading, seen: Sequence[int]) -> Reading:
            """What was seen is said, by the vector that the concept's own name has."""
            placed = self._place(family)
            assert placed.monitor is not None
            c = placed.monitor.c[list(seen)][None]
            said = said.to(placed.device)
            told = Reading(c, torch.ones(c.shape[:2], device=c.device), said.near)
            return told if _silent(said) else beside([said, told])

        return Opinion(LOOK, look, amend)

    def _place(self, family: Family) -> _Placed:
        """Hypernetwork and switch beside a base: a copy for each, so that threads and devices do not meet."""
        with self._lock:
            placed = self._placed.get(family)
            if placed is None or placed.device != family.device:
                # Offloaded since: its weights were read before.
                if placed and next(family.denoiser.parameters()).is_meta:
                    hypernet = placed.hypernet.to(family.device)
                else:
                    hypernet = copy.deepcopy(self.trained.hypernet).to(family.device).bind(family.denoiser)
                switch = self.switch and self.switch.to(family.device)
                monitor = self.monitor and self.monitor.to(family.device)
                vocabulary = placed.vocabulary if placed else None if self.inversions else Vocabulary(family)
                placed = self._placed[family] = _Placed(hypernet, switch, monitor, vocabulary, family.device)
            return placed


@dataclass(frozen=True)
class _Placed:
    hypernet: Hypernet
    switch: Switch | None
    monitor: Monitor | None
    vocabulary: Vocabulary | None
    device: torch.device


def _silent(reading: Reading) -> bool:
    """Whether the base draws it alone."""
    return bool(reading.untouched.all())


def _heard(drawn: Drawn, placed: _Placed) -> Heard | None:
    """What prompts say to a monitor; of what was not chosen, nothing."""
    switch, monitor = placed.switch, placed.monitor
    near = [reading.near for reading in drawn.said if reading.near is not None]
    if switch is None or monitor is None or len(near) < len(drawn.said):
        return None
    found = torch.cat(near).to(placed.device)
    away = found.new_full((len(found), 1), -torch.inf)
    places = [switch.concepts.index(concept) if concept in switch.concepts else -1 for concept in monitor.concepts]
    text = Text(*drawn.text)
    return Heard(torch.cat([found, away], 1)[:, places], lambda pictures: text[list(pictures)])


def _erased(reading: Reading, switch: Switch | None) -> list[str]:
    """The concepts that a prompt's reading forgets wholly."""
    if switch is None:
        return []
    c, opened = (part.to(switch.mean.device) for part in (reading.c.flatten(0, 1), reading.opened.flatten()))
    return [switch.concepts[int(k)] for k in switch.margin(c[opened >= 1]).argmax(1)]


def beside(readings: Sequence[Reading]) -> Reading:
    """Readings of one picture's texts as one: their phrases stand side by side, and what several say counts once."""
    near = [reading.near for reading in readings if reading.near is not None]
    both = Reading(
        torch.cat([reading.c for reading in readings], 1),
        torch.cat([reading.opened for reading in readings], 1),
        torch.stack(near).amax(0) if near else None,
    )
    return once(both, readings[0].phrases)


@contextmanager
def _as_found(pipeline: Any) -> Iterator[None]:
    """A family freezes its parts, which are somebody else's here: they are given back as they were."""
    modules = [part for part in vars(pipeline).values() if isinstance(part, nn.Module)]
    training = [(module, module.training) for part in modules for module in part.modules()]
    wanted = [(weight, weight.requires_grad) for part in modules for weight in part.parameters()]
    try:
        yield
    finally:
        for module, flag in training:
            module.training = flag
        for weight, flag in wanted:
            weight.requires_grad_(flag)


def _chosen(switch: Switch | None, concepts: Sequence[str] | None) -> Switch | None:
    if concepts is None:
        return switch
    if switch is None:
        raise UnhypeError(
            "got a choice of concepts for a guard without a switch, wanted one with: train with switch: true"
        )
    unknown = [concept for concept in concepts if concept not in switch.concepts]
    if unknown or not concepts:
        there = ", ".join(switch.concepts[:8])
        raise UnhypeError(
            f"got the concept {unknown[0] if unknown else ''!r}, wanted some of those that were trained: {there}…"
        )
    return switch.only(concepts)
