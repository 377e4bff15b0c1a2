"""What a guard's monitor sees by itself: whom it notices, whom it takes for somebody, and what it costs.

The words are left out: nobody reads the prompts, the bare base draws, and the monitor looks at every picture as it
does under guard. Held-out templates, names of the evaluation and seeds of the evaluation, none of which it learnt from:

    forgotten        a forgotten name alone                 beside unseen    beside somebody who stays and is unseen
    beside nobody    beside an anchor, or a thing           two forgotten    either of them counts
    unseen           evaluation names alone                 two unseen       two of them
    near miss        kept names that share a word with a forgotten one       nobody           anchors
    things           of no list

.venv/bin/python experiments/monitor.py --model build/guards/NAME --out build/attacks
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from development import DATA
from rounding import rounded

from unhype.adapters.looking import Drawn
from unhype.adapters.onlooker import looking_on
from unhype.bases.finding import find_base
from unhype.concepts.loading import load_set
from unhype.concepts.schema import ConceptSet
from unhype.erasing.guard import Guard
from unhype.errors import UnhypeError
from unhype.files import write_text
from unhype.gates.intervals import wilson
from unhype.monitor.features import view
from unhype.monitor.monitor import LOOK, Monitor
from unhype.params import load_params
from unhype.prompts.strata import STRATA
from unhype.prompts.templates import HELD_OUT
from unhype.terminal import quiet

SEED = 38_000_000
"""First of these pictures: behind all of the evaluation's own."""


@dataclass
class Seen:
    """Notes what the monitor sees."""

    monitor: Monitor
    found: list[str] = field(default_factory=list)
    asked: list[bool] = field(default_factory=list)

    def look(self, family: Any, drawn: Drawn, before: Sequence[Sequence[int]]) -> list[int]:
        latents, aside = drawn.latents, [()] * len(drawn.said)
        seen = view(family, latents.float())
        suspects = self.monitor.suspects(seen, aside)
        self.asked += [any(each.picture == row for each in suspects) for row in range(len(latents))]
        surest = self.monitor.surest(family, latents, seen.clean, suspects)
        self.found += ["" if place < 0 else self.monitor.concepts[place] for place in surest]
        return [-1] * len(latents)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--model", required=True, help="a guard with a monitor")
    asked.add_argument("--n", type=int, default=200, help="pictures of each row; of unseen people 500 at least")
    asked.add_argument("--out", type=Path, help="folder for monitor.json")
    options = asked.parse_args()
    quiet()
    guard = Guard.load(options.model, ungated=True)
    if guard.monitor is None:
        raise UnhypeError(f"got {options.model}, which has no monitor, wanted a guard that has one")
    facts = guard.trained.facts
    source, concepts = find_base(facts["base"], DATA), load_set(facts["concepts"], DATA / "concepts")
    family = guard.load_family(source)
    how = load_params(Path("params.yaml")).suited(source, DATA / "judges").sampling
    told: dict[str, Any] = {"guard": facts["sha256"], "base": facts["base"], "concepts": concepts.name, "rows": {}}
    seed = SEED
    for group, texts in _groups(concepts):
        rows = list(_rows(texts, max(500, options.n) if group == "unseen" else options.n))
        seen = Seen(guard.monitor)
        with looking_on(family, LOOK, seen.look):
            for _ in family.draw([prompt for prompt, _ in rows], range(seed, seed + len(rows)), how):
                pass
        seed += 10_000
        right = [one in wanted for one, (_, wanted) in zip(seen.found, rows, strict=True)]
        other = [bool(one) and one not in wanted for one, (_, wanted) in zip(seen.found, rows, strict=True)]
        row: dict[str, Any] = {"n": len(rows), "right": float(np.mean(right)), "other": float(np.mean(other))}
        row |= {"interval": wilson(float(np.mean(right if any(rows[0][1]) else other)), len(rows))}
        told["rows"][group] = row | {"asked": float(np.mean(seen.asked))}
        print(group, rounded(told["rows"][group]), flush=True)
    if options.out:
        write_text(options.out / "monitor.json", json.dumps(rounded(told), indent=1) + "\n")


Text = tuple[str, tuple[str, ...]]
"""What stands in the sentence, and the forgotten in it."""


def _groups(concepts: ConceptSet) -> Iterator[tuple[str, list[Text]]]:
    forget, unseen = [entry.concept for entry in concepts.forget], list(concepts.evaluation)
    nobody = [*sorted({entry.anchor for entry in concepts.forget}), "a dog", "a horse"]

    def paired(ones: Sequence[str], others: Sequence[str], shift: int) -> list[tuple[str, str]]:
        pairs = [(one, others[(i + shift) % len(others)]) for i, one in enumerate(ones)]
        return [pair if i % 2 else (pair[1], pair[0]) for i, pair in enumerate(pairs)]

    def texts(pairs: Sequence[tuple[str, ...]]) -> list[Text]:
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


def _rows(texts: Sequence[Text], n: int) -> Iterator[Text]:
    frames = list(chain.from_iterable(HELD_OUT.values()))
    for i in range(n):
        text, wanted = texts[i % len(texts)]
        yield frames[(i + i // len(texts)) % len(frames)].format(text), wanted


if __name__ == "__main__":
    main()
