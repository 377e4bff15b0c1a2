"""What a guard's monitor sees: whom it notices, whom it takes for somebody, and what it costs.

The bare base draws, and the monitor looks at every picture as it does under guard: once by itself, as if nobody had
read the prompt, and once hearing the words. Where words open the switch as well, one of the two finds who is asked for.
Held-out templates, names of the evaluation and seeds of the evaluation, none of which it learnt from:

    forgotten        a forgotten name alone                 beside unseen    beside somebody who stays and is unseen
    beside nobody    beside an anchor, or a thing           two forgotten    either of them counts
    unseen           evaluation names alone                 two unseen       two of them
    near miss        kept names that share a word with a forgotten one       nobody           anchors
    things           of no list
    written alias, written stays                            synonyms, and unseen names, in sentences of six languages

`--bars 1 2 3` tells besides what would be seen, hearing, with the bar elsewhere: a frontier, not a way to choose one.

.venv/bin/python experiments/monitor.py --model build/guards/NAME --out build/attacks
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from development import DATA
from rounding import rounded

from unhype.adapters.looking import Drawn
from unhype.adapters.onlooker import looking_on
from unhype.bases.finding import find_base
from unhype.concepts.loading import load_set
from unhype.concepts.schema import ConceptSet
from unhype.erasing.guard import Guard
from unhype.errors import UnhypeError
from unhype.families.text import Text
from unhype.files import write_text
from unhype.gates.intervals import wilson
from unhype.monitor.features import view
from unhype.monitor.monitor import LOOK, Heard, Monitor
from unhype.params import load_params
from unhype.prompts.sentences import filled
from unhype.prompts.strata import STRATA
from unhype.prompts.templates import HELD_OUT
from unhype.terminal import quiet

SEED = 38_000_000
"""First of these pictures: behind all of the evaluation's own."""


@dataclass
class Notes:
    """What the monitor made of each picture: suspects and what each came to, in nats; whether the base was asked."""

    marks: list[dict[str, float]] = field(default_factory=list)
    asked: list[bool] = field(default_factory=list)

    def seen(self, bar: float) -> list[str]:
        """Whom it sees if they must come to so much; nobody as ""."""
        most = [max(each.items(), key=itemgetter(1), default=("", bar)) for each in self.marks]
        return [name if mark > bar else "" for name, mark in most]

    def told(self, bar: float, rows: Sequence[Asked]) -> dict[str, float]:
        """Shares of these pictures: the right one seen, somebody else, the base asked."""
        found = self.seen(bar)
        right = [one in wanted for one, (_, wanted) in zip(found, rows, strict=True)]
        other = [bool(one) and one not in wanted for one, (_, wanted) in zip(found, rows, strict=True)]
        means = {"right": right, "other": other, "asked": self.asked}
        return {name: float(np.mean(each)) for name, each in means.items()}


class Eyes:
    """The monitor's, in two ways: by itself, and hearing prompts, ``near [pictures, m]`` of them as they are drawn."""

    def __init__(self, monitor: Monitor, near: torch.Tensor) -> None:
        self.monitor, self.near = monitor, near
        self.alone, self.hearing = Notes(), Notes()

    def look(self, family: Any, drawn: Drawn, before: Sequence[Sequence[int]]) -> list[int]:
        latents, aside, n = drawn.latents, [()] * len(drawn.said), len(drawn.said)
        seen, done = view(family, latents.float()), len(self.alone.marks)
        text = Text(*drawn.text)
        heard = Heard(self.near[done : done + n], lambda pictures: text[list(pictures)])
        for notes, words in ((self.alone, None), (self.hearing, heard)):
            suspects = self.monitor.suspects(seen, aside, words.near if words else None)
            notes.asked += [any(each.picture == row for each in suspects) for row in range(n)]
            suspicions, evidence = self.monitor.told(family, latents, seen.clean, suspects, words).unbind(1)
            above = (self.monitor.above(suspicions, evidence) + self.monitor.bar).tolist()
            marks: list[dict[str, float]] = [{} for _ in range(n)]
            for each, mark in zip(suspects, above, strict=True):
                marks[each.picture][self.monitor.concepts[each.concept]] = mark
            notes.marks += marks
        return [-1] * n


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--model", required=True, help="a guard with a monitor")
    asked.add_argument("--n", type=int, default=200, help="pictures of each row; of unseen people 500 at least")
    asked.add_argument("--names", type=int, default=8, help="for each written sentence")
    asked.add_argument("--bars", type=float, nargs="+", default=[], metavar="NATS", help="told as well")
    asked.add_argument("--out", type=Path, help="folder for monitor.json")
    options = asked.parse_args()
    quiet()
    guard = Guard.load(options.model, ungated=True)
    if guard.monitor is None or guard.switch is None:
        raise UnhypeError(f"got {options.model} without monitor or switch, wanted a guard that has both")
    facts = guard.trained.facts
    source, concepts = find_base(facts["base"], DATA), load_set(facts["concepts"], DATA / "concepts")
    family = guard.load_family(source)
    how = load_params(Path("params.yaml")).suited(source, DATA / "judges").sampling
    told: dict[str, Any] = {"guard": facts["sha256"], "base": facts["base"], "concepts": concepts.name, "rows": {}}
    seed = SEED
    for group, rows in chain(_short(concepts, options.n), _written(concepts, options.names)):
        prompts = [prompt for prompt, _ in rows]
        read = guard.read(family, prompts)
        assert read.near is not None
        eyes = Eyes(guard.monitor, read.near)
        with looking_on(family, LOOK, eyes.look):
            for _ in family.draw(prompts, range(seed, seed + len(rows)), how):
                pass
        seed += 10_000
        told["rows"][group] = _told(eyes, guard.monitor.bar, rows, (~read.untouched).tolist())
        for bar in options.bars:
            told.setdefault("bars", {}).setdefault(f"{bar:g}", {})[group] = eyes.hearing.told(bar, rows)
        print(group, rounded(told["rows"][group]), flush=True)
    if options.out:
        write_text(options.out / "monitor.json", json.dumps(rounded(told), indent=1) + "\n")


def _told(eyes: Eyes, bar: float, rows: Sequence[Asked], opened: Sequence[bool]) -> Mapping[str, Any]:
    """What came of a group; ``found``: by the words, or by who hears them and looks."""
    n, goes = len(rows), any(rows[0][1])
    alone, hearing = eyes.alone.told(bar, rows), eyes.hearing.told(bar, rows)
    whom = zip(eyes.hearing.seen(bar), rows, strict=True)
    seen = [one in wanted if goes else bool(one) for one, (_, wanted) in whom]
    found = float(np.mean([one or other for one, other in zip(opened, seen, strict=True)]))
    return {
        "n": n,
        **alone,
        "interval": wilson(alone["right" if goes else "other"], n),
        "hearing": hearing | {"interval": wilson(hearing["right" if goes else "other"], n)},
        "opened": float(np.mean(opened)),
        "found": found,
        "found_interval": wilson(found, n),
    }


Asked = tuple[str, tuple[str, ...]]
"""What stands in the sentence, or the sentence, and the forgotten in it."""


def _short(concepts: ConceptSet, n: int) -> Iterator[tuple[str, list[Asked]]]:
    """Groups of short sentences."""
    for group, texts in _groups(concepts):
        yield group, list(_rows(texts, max(500, n) if group == "unseen" else n))


def _written(concepts: ConceptSet, names: int) -> Iterator[tuple[str, list[Asked]]]:
    """Held-out sentences, each with so many names in turn."""
    aliases = {text: (entry.concept,) for entry in concepts.forget for text in (*entry.synonyms, *entry.aliases)}
    stays: dict[str, tuple[str, ...]] = dict.fromkeys(concepts.evaluation, ())
    for kind, who in (("alias", aliases), ("stays", stays)):
        for language, rows in groupby(filled("held_out", [*who], names), key=itemgetter(0)):
            yield f"written {kind}, {language}", [(sentence.format(text), who[text]) for _, sentence, text in rows]


def _groups(concepts: ConceptSet) -> Iterator[tuple[str, list[Asked]]]:
    forget, unseen = [entry.concept for entry in concepts.forget], list(concepts.evaluation)
    nobody = [*sorted({entry.anchor for entry in concepts.forget}), "a dog", "a horse"]

    def paired(ones: Sequence[str], others: Sequence[str], shift: int) -> list[tuple[str, str]]:
        pairs = [(one, others[(i + shift) % len(others)]) for i, one in enumerate(ones)]
        return [pair if i % 2 else (pair[1], pair[0]) for i, pair in enumerate(pairs)]

    def texts(pairs: Sequence[tuple[str, ...]]) -> list[Asked]:
        return [(" and ".join(pair), tuple(name for name in pair if name in forget)) for pair in pairs]

    yield "forgotten", texts([(name,) for name in forget])
    yield "beside unseen", texts(paired(forget, unseen, 7) + paired(forget, unseen, 31))
    yield "beside nobody", texts(paired(forget, nobody, 0))
    yield "two forgotten", texts(paired(forget, forget, 37))
    yield "unseen", texts([(name,) for name in unseen])
    yield "two unseen", texts(paired(unseen, unseen, 41))
    yield "near miss", [(text, ()) for text, _, _ in STRATA["near_miss"][0](concepts)]
    yield "nobody", [(text, ()) for text in nobody[:-2]]
    yield "things", [(text, ()) for text, _, _ in STRATA["things"][0](concepts)]


def _rows(texts: Sequence[Asked], n: int) -> Iterator[Asked]:
    frames = list(chain.from_iterable(HELD_OUT.values()))
    for i in range(n):
        text, wanted = texts[i % len(texts)]
        yield frames[(i + i // len(texts)) % len(frames)].format(text), wanted


if __name__ == "__main__":
    main()
