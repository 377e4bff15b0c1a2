"""What is drawn for a monitor to learn from: forgotten people and people who stay, alone and beside each other, and
nobody in particular.

Somebody forgotten must be seen in any company, and nobody who stays may be taken for them: so there are as many who
stay as who go, and many who are nobody. Names come from training's own tables, in training's own sentences.

Whoever searches for a text that the words' guard does not know finds one that the base reads as the person, but not
quite: their pictures are not quite the name's. So some are drawn between two texts, from what the encoder makes of
both, more of the name than of the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, product

import numpy as np
import pandas as pd

from unhype.concepts.kinds import THINGS
from unhype.concepts.schema import ConceptSet
from unhype.prompts.seeding import Seeds, number
from unhype.prompts.templates import TRAINING

FIRST_SEED = 17_000_000
"""Of these pictures; training's own have others."""

SEEDS = 1_000_000

PART = (0.6, 0.9)
"""How much of the name's own text there is between two: the miniature still draws them in eight of ten pictures at the
lower end."""


@dataclass(frozen=True)
class Amounts:
    """How many pictures.

    Attributes:
        alone: of each forgotten concept, and of each retained one.
        company: of each forgotten concept beside others: somebody who stays, an anchor, a thing; half of them as many
            of each retained one beside others who stay.
        nobody: of anchors for each forgotten concept, and half as many of two of them.
        between: of each forgotten concept between its own text and another, every third in company; half of them as
            many of each retained one.
    """

    alone: int = 10
    company: int = 12
    nobody: int = 12
    between: int = 24

    def __post_init__(self) -> None:
        if min(self.alone, self.company, self.nobody, self.between) < 1:
            raise ValueError(f"got {self}, wanted at least 1 of each")


def table_for(concepts: ConceptSet, amounts: Amounts) -> pd.DataFrame:
    """The rows: columns ``prompt``, ``other`` and ``part`` (so much of the prompt, the rest of the other; 1: the prompt
    alone), ``seed``, and ``shown``, the concepts in it (a tuple; none where it is nobody)."""
    frames = list(chain.from_iterable(TRAINING.values()))
    rows, seeds = [], Seeds(FIRST_SEED, SEEDS)
    for place, (text, shown, many) in enumerate(_asked(concepts, amounts)):
        for turn in range(many):
            own = number(text, f"{place} {turn}")
            prompt = frames[(own // SEEDS) % len(frames)].format(text)
            rows.append((prompt, prompt, 1.0, seeds.of(own), shown))
    rng = np.random.default_rng(1)
    for place, (text, beside, shown) in enumerate(_between(concepts, amounts, rng)):
        own = number(text, beside, f"between {place}")
        frame = frames[(own // SEEDS) % len(frames)]
        part = round(float(rng.uniform(*PART)), 3)
        rows.append((frame.format(text), frame.format(beside), part, seeds.of(own), shown))
    table = pd.DataFrame(rows, columns=["prompt", "other", "part", "seed", "shown"])
    # Mixed, so that a part of them is like all.
    return table.iloc[np.random.default_rng(0).permutation(len(table))].reset_index(drop=True)


def _asked(concepts: ConceptSet, amounts: Amounts) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """(text in the sentence, whom it shows, how often)."""
    say = concepts.sort.phrase
    forget, kept = [entry.concept for entry in concepts.forget], list(concepts.retain)
    anchors = sorted({entry.anchor for entry in concepts.forget if entry.anchor})
    for name in (*forget, *kept):
        yield say(name), (name,), amounts.alone
    for anchor in anchors:
        yield say(anchor), (), -(-amounts.nobody * len(forget) // len(anchors))
    if not concepts.sort.company:
        return
    rng = np.random.default_rng(0)
    nobody = [say(anchor) for anchor in anchors] + [THINGS.phrase(thing) for thing in concepts.sort.bystanders]
    for one, other in product(anchors, anchors):
        yield f"{say(one)} and {say(other)}", (), -(-amounts.nobody * len(forget) // (2 * len(anchors) ** 2))
    for name, many in [(name, amounts.company) for name in forget] + [(name, amounts.company // 2) for name in kept]:
        for turn in range(many):
            # Of four, three beside somebody (of those who go one in four goes too), and one beside nobody.
            others = forget if turn % 8 == 6 and name in forget else kept
            choices = [other for other in others if other != name] if turn % 4 < 3 or not nobody else []
            beside = str(rng.choice(choices or nobody or [name]))
            pair = (name, beside) if turn % 2 else (beside, name)
            yield " and ".join(pair), tuple(each for each in pair if each in forget or each in kept), 1


def _between(
    concepts: ConceptSet, amounts: Amounts, rng: np.random.Generator
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(text in the sentence, the other that it is drawn between, whom it shows)."""
    say = concepts.sort.phrase
    forget, kept = [entry.concept for entry in concepts.forget], list(concepts.retain)
    anchors = sorted({entry.anchor for entry in concepts.forget if entry.anchor})
    nobody = [*anchors, *(THINGS.phrase(thing) for thing in concepts.sort.bystanders)]
    groups = [names for names in (kept, forget, nobody) if names]
    for name, many in [(name, amounts.between) for name in forget] + [(name, amounts.between // 2) for name in kept]:
        for turn in range(many):
            group = groups[int(rng.integers(len(groups)))]
            other = say(str(rng.choice([each for each in group if each != name] or [name])))
            third = str(rng.choice([each for each in kept if each != name] or [""]))
            if turn % 3 < 2 or not third or not concepts.sort.company:
                yield say(name), other, (name,)
            elif turn % 2:
                yield f"{third} and {name}", f"{third} and {other}", (third, name)
            else:
                yield f"{name} and {third}", f"{other} and {third}", (name, third)
