"""What a prompt speaks of: which of its phrases mean a forgotten concept, whatever stands around them.

The vector of a whole prompt loses a name as soon as another stands beside it; a phrase read alone does not. But a part
of a name can be somebody else's: "Emma" lies near every Emma. So a phrase counts only as far as it still means the
concept when the word before it, or the word after it, is read along (an erosion, over sentences), and only if the
sentence bears it out (:mod:`unhype.erasing.sentences`). Of phrases that overlap the surest counts; several concepts in
one prompt each have a phrase of their own. Where no phrase counts the whole prompt is asked: it knows a synonym by the
company of its words.

The hypernetwork reads who is meant, not how: whatever the phrase, it gets the vector of the concept's own name, if the
switch holds one (``Switch.canonical``). So a synonym is erased just as the name is.

How near a prompt's phrases come to each concept is told as well, whether or not one counts: to whoever looks at what
is drawn, a picture that is somebody's is likelier theirs if words come near their name (:mod:`unhype.monitor.monitor`).

Shapes: n prompts, P phrases of the prompt that has most, d width of a vector, m forgotten concepts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import torch

from unhype.erasing.sentences import needed, surroundings
from unhype.erasing.switch import Switch
from unhype.families.spoken import Parted

JOINTS = ("and {}", "{} and", "with {}", "{} with")
"""Contexts in which one concept stands beside another."""


@dataclass(frozen=True)
class Reading:
    """Prompts as the hypernetwork reads them.

    Attributes:
        c: of each prompt's phrases, or of the concepts that they mean, ``[n, P, d]``; without a switch of the prompt
            itself, ``[n, 1, d]``.
        opened: how surely each means a forgotten concept, ``[n, P]`` in 0…1; 0 where a prompt has fewer.
        near: how near phrases of each come to each concept, ``[n, m]``, see :func:`nearness`; None where nobody asked a
            switch.
    """

    c: torch.Tensor
    opened: torch.Tensor
    near: torch.Tensor | None = None

    def __post_init__(self) -> None:
        if self.c.ndim != 3 or self.c.shape[:2] != self.opened.shape:
            raise ValueError(
                f"got c {tuple(self.c.shape)} and opened {tuple(self.opened.shape)}, wanted [n, P, d] and [n, P]"
            )

    def __len__(self) -> int:
        return len(self.c)

    def __getitem__(self, rows: torch.Tensor) -> Reading:
        return Reading(self.c[rows], self.opened[rows], None if self.near is None else self.near[rows])

    @property
    def phrases(self) -> int:
        """P."""
        return self.c.shape[1]

    @property
    def untouched(self) -> torch.Tensor:
        """Which prompts speak of nothing forgotten, ``bool [n]``."""
        return (self.opened == 0).all(1)

    def to(self, device: torch.device) -> Reading:
        """The same, elsewhere."""
        near = None if self.near is None else self.near.to(device)
        return Reading(self.c.to(device), self.opened.to(device), near)


def joined(readings: Sequence[Reading]) -> Reading:
    """One after the other, with as many phrases as the longest; for a hypernetwork, which does not ask how near."""
    most = max(reading.phrases for reading in readings)
    c = [torch.nn.functional.pad(reading.c, (0, 0, 0, most - reading.phrases)) for reading in readings]
    opened = [torch.nn.functional.pad(reading.opened, (0, most - reading.phrases)) for reading in readings]
    return Reading(torch.cat(c), torch.cat(opened))


def once(reading: Reading, since: int = 0) -> Reading:
    """What is said again, from the phrase ``since`` on, counts once: where it was first, as surely as the surest."""
    c, opened = reading.c, reading.opened.clone()
    for again in range(since, reading.phrases):
        for first in range(again):
            same = (c[:, first] == c[:, again]).all(1) & (opened[:, first] > 0)
            surest = torch.maximum(opened[:, first], opened[:, again])
            opened[:, first] = torch.where(same, surest, opened[:, first])
            opened[:, again] = torch.where(same, 0, opened[:, again])
    return Reading(c, opened, reading.near)


Vectors = Callable[[Sequence[str]], torch.Tensor]
"""Texts → their vectors, ``[n, d]``."""

Reader = Callable[[Sequence[str]], Reading]
"""Prompts → what they speak of."""


GLUE = re.compile(r"(?<=[^\W_]{2})(?:[^\w\s'’<>]|_)+(?=[^\W_]{2})")
"""Signs between two words without a blank. A tokenizer cuts there; initials and apostrophes stay with their name."""


def words_of(prompt: str) -> list[str]:
    """A prompt's words: ``cher,dog`` is two, as it is to the base, which draws both; an added token is one."""
    words: list[str] = []
    for i, part in enumerate(prompt.parts if isinstance(prompt, Parted) else (prompt,)):
        words += [part] if i % 2 else GLUE.sub(lambda signs: f"{signs[0]} ", part).split()
    return words


def reader(vectors: Vectors, switch: Switch | None) -> Reader:
    """Reads phrases through a switch; without one, whole prompts, all of them wide open (the paper's plain form)."""
    if switch is None:
        return lambda prompts: _whole(vectors(prompts))
    return lambda prompts: read_phrases(vectors, switch, prompts)


def _whole(c: torch.Tensor) -> Reading:
    return Reading(c[:, None], torch.ones(len(c), 1, device=c.device))


def read_phrases(vectors: Vectors, switch: Switch, prompts: Sequence[str]) -> Reading:
    """The phrases of each prompt that open the switch, the surest first.

    A phrase counts no more than the least of itself and its two neighbours, so it needs no more reading once one of
    the three is known to be shut. Phrases of every second length are read first, one of which is among the three of
    any phrase; then the rest, of those that may still be open.
    """
    words = [words_of(prompt) or [""] for prompt in prompts]
    read = _Texts(vectors, switch)
    first = [_first(each, switch) for each in words]
    read.add(chain.from_iterable(first))
    near = read.near(first)
    still = [[span for span in spans_of(len(each), switch.longest) if read.open(each, span)] for each in words]
    read.add(
        " ".join(each[i:j])
        for each, own in zip(words, still, strict=True)
        for span in own
        for i, j in _three(span, each)
    )
    counting = read.borne_out(words, [read.counting(each, own) for each, own in zip(words, still, strict=True)])
    found = [read.chosen(phrases) or [read.whole(each)] for each, phrases in zip(words, counting, strict=True)]
    rows, concepts, opened = (
        torch.zeros(len(prompts), max([1, *map(len, found)]), dtype=kind)
        for kind in (torch.long, torch.long, torch.float)
    )
    for i, opening in enumerate(found):
        for k, (row, concept, share) in enumerate(opening):
            rows[i, k], concepts[i, k], opened[i, k] = row, concept, share
    rows, concepts, opened = (part.to(read.c.device) for part in (rows, concepts, opened))
    c = read.c[rows]
    if switch.canonical is None:
        return Reading(c, opened, near)
    # Said twice a concept has the same vector twice, and its LoRA would be twice as strong as any that was trained.
    return once(Reading(torch.where(opened[..., None] > 0, switch.canonical[concepts], c), opened, near))


def nearness(vectors: Vectors, switch: Switch, prompts: Sequence[str]) -> torch.Tensor:
    """How near phrases of prompts come to each concept, ``[n, m]``: the largest margin of those that are read first.

    As :func:`read_phrases` tells it, for whoever asks nothing else; with the gradient of ``vectors``.
    """
    first = [_first(words_of(prompt) or [""], switch) for prompt in prompts]
    read = _Texts(vectors, switch)
    read.add(chain.from_iterable(first))
    return read.near(first)


def _first(words: Sequence[str], switch: Switch) -> list[str]:
    """What is read of a prompt in any case: all of it, and its phrases of every second length."""
    n = len(words)
    spans = [(i, j) for i, j in spans_of(n, switch.longest) if (switch.longest - (j - i)) % 2 == 0]
    return [" ".join(words[i:j]) for i, j in dict.fromkeys([(0, n), *spans])]


@dataclass(frozen=True)
class _Phrase:
    """A phrase that means something forgotten: where it stands, its row, which concept, and by what margin."""

    span: tuple[int, int]
    row: int
    concept: int
    margin: float


class _Texts:
    """Texts that were read, and what the switch says to them.

    Attributes:
        place: text → its row.
        c: vectors, ``[n, d]``.
        margins: of each for every concept, ``[n, m]``.
        nearest: of each for the concept that it comes nearest to.
    """

    def __init__(self, vectors: Vectors, switch: Switch) -> None:
        self.vectors, self.switch = vectors, switch
        self.place: dict[str, int] = {}
        self.c = vectors([])
        self.margins = switch.margin(self.c)
        self.nearest: list[float] = []

    def add(self, texts: Iterable[str]) -> None:
        """Read those that were not read yet."""
        if fresh := sorted(set(texts) - self.place.keys()):
            c = self.vectors(fresh)
            margins = self.switch.margin(c)
            self.place |= {text: k for k, text in enumerate(fresh, len(self.place))}
            self.c, self.margins = torch.cat([self.c, c]), torch.cat([self.margins, margins])
            self.nearest += margins.amax(1).tolist()

    def near(self, texts: Sequence[Sequence[str]]) -> torch.Tensor:
        """Of each list of texts that were read, the largest margin for every concept, ``[lists, m]``."""
        if not texts:
            return self.margins
        return torch.stack([self.margins[[self.place[text] for text in each]].amax(0) for each in texts])

    def open(self, words: Sequence[str], span: tuple[int, int]) -> bool:
        """Whether a phrase may count, by those of its three that were read."""
        rows = (self.place.get(" ".join(words[i:j])) for i, j in _three(span, words))
        return all(row is None or self.nearest[row] > self.switch.shut for row in rows)

    def counting(self, words: Sequence[str], spans: Sequence[tuple[int, int]]) -> list[_Phrase]:
        """Of phrases whose three were read those that count, by themselves."""
        if not spans:
            return []
        at = torch.tensor([[self.place[" ".join(words[i:j])] for i, j in _three(span, words)] for span in spans])
        # [spans, 3, m]: of a phrase and its neighbours the least, of all concepts the nearest
        eroded, concepts = self.margins[at.to(self.c.device)].amin(1).max(1)
        told = zip(spans, at[:, 0].tolist(), concepts.tolist(), eroded.tolist(), strict=True)
        return [_Phrase(*each) for each in told if each[-1] > self.switch.shut]

    def borne_out(self, words: Sequence[Sequence[str]], counting: Sequence[list[_Phrase]]) -> list[list[_Phrase]]:
        """Of each prompt's phrases those that lie near enough for what their sentence says of them."""
        if not self.switch.sure:
            return list(counting)
        phrases = [(k, phrase) for k, own in enumerate(counting) for phrase in own]
        near = self._toward([phrase.row for _, phrase in phrases], [phrase for _, phrase in phrases])
        doubted = [i for i, cosine in enumerate(near.tolist()) if cosine < self.switch.sure]
        if not doubted:
            return list(counting)
        texts = [surroundings(words[k], phrase.span) for k, phrase in (phrases[i] for i in doubted)]
        self.add(chain.from_iterable(texts))
        whole, rest = (
            self._toward([self.place[pair[side]] for pair in texts], [phrases[i][1] for i in doubted])
            for side in (0, 1)
        )
        short = near[doubted] < needed(self.switch, whole, rest)
        lost = {i for i, is_short in zip(doubted, short.tolist(), strict=True) if is_short}
        kept: list[list[_Phrase]] = [[] for _ in counting]
        for i, (k, phrase) in enumerate(phrases):
            if i not in lost:
                kept[k].append(phrase)
        return kept

    def _toward(self, rows: Sequence[int], phrases: Sequence[_Phrase]) -> torch.Tensor:
        """Cosine of each row to the concept of a phrase."""
        device = self.c.device
        concepts = torch.tensor([phrase.concept for phrase in phrases], dtype=torch.long, device=device)
        return self.switch.toward(self.c[torch.tensor(rows, dtype=torch.long, device=device)], concepts)

    def chosen(self, phrases: Sequence[_Phrase]) -> list[tuple[int, int, float]]:
        """Of phrases that count the surest that lie apart, as (row, concept, how far open)."""
        return [
            (phrase.row, phrase.concept, float(self.switch.opened(torch.tensor(phrase.margin))))
            for phrase in _apart(phrases)
        ]

    def whole(self, words: Sequence[str]) -> tuple[int, int, float]:
        """The prompt itself, as (row, concept, how far open)."""
        row = self.place[" ".join(words)]
        margin, concept = self.margins[row].max(0)
        return row, int(concept), float(self.switch.opened(margin))


def cutouts(templates: Iterable[str], longest: int = 2) -> list[str]:
    """What phrases look like: each template whole, and its ``{}`` with up to so many words on either side; and beside
    another concept."""
    found = {*JOINTS, *(templates := list(templates))}
    for template in templates:
        words = template.split()
        at = words.index("{}")
        found |= {
            " ".join(words[i:j])
            for i in range(max(0, at - longest), at + 1)
            for j in range(at + 1, min(len(words), at + 1 + longest) + 1)
        }
    return sorted(found)


def spans_of(n: int, longest: int) -> list[tuple[int, int]]:
    """Every phrase of 1 to ``longest`` of n words, as (first, behind the last)."""
    return [(i, j) for i in range(n) for j in range(i + 1, min(n, i + longest) + 1)]


def neighbours(span: tuple[int, int], n: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """A phrase with the word before it, and with the word after it; itself where there is none."""
    return (max(0, span[0] - 1), span[1]), (span[0], min(n, span[1] + 1))


def _three(span: tuple[int, int], words: Sequence[str]) -> tuple[tuple[int, int], ...]:
    return (span, *neighbours(span, len(words)))


def _apart(phrases: Sequence[_Phrase]) -> list[_Phrase]:
    """The surest first; none that overlaps a surer one, or is the rest of its name (beside it, same concept)."""
    chosen: list[_Phrase] = []
    for phrase in sorted(phrases, key=lambda phrase: -phrase.margin):
        for other in chosen:
            gap = max(phrase.span[0] - other.span[1], other.span[0] - phrase.span[1])
            if gap < 0 or (gap == 0 and phrase.concept == other.concept):
                break
        else:
            chosen.append(phrase)
    return chosen
