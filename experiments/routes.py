"""Which route of text carries a name, and is a forgotten one found in either? ``prompt`` and ``prompt_2`` that differ.

Families with two text encoders read two prompts. In Flux ``prompt`` is CLIP's, whose pooled vector goes into every
modulation, and ``prompt_2`` is T5's, whose token states go into attention: so each case below swaps one route of text,
or empties it. Names of the development set (development.py), its templates, seeds of its own:

    one      a name that the guard forgets
    other    a name that must stay
    person   the anchor, in the name's place
    nothing  the empty prompt

The judge says who is in the picture: shares of n. ``changed`` is the share of pictures in which the guard changes
something: 1 wherever ``one`` is read, 0 where nobody is who is forgotten.

.venv/bin/python experiments/routes.py --base mini-flux --n 48 --bare
.venv/bin/python experiments/routes.py --base mini-flux --n 48 --variant sites=text_entries --variant sites=published
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from asking import job_of, parser, variants
from development import judge_of, trained
from drawing import change, drawn

from unhype.concepts.schema import ConceptSet
from unhype.errors import UnhypeError
from unhype.judges.judge import UNKNOWN, Judge
from unhype.pipeline import job as jobs
from unhype.pipeline.job import Job
from unhype.prompts.rows import FIRST_SEED
from unhype.prompts.templates import DEVELOPMENT
from unhype.terminal import quiet

SEEDS_FROM = 12_000_000
"""Seeds start so far behind the development split's first."""

CASES = (
    ("one", "one"),
    ("one", "other"),
    ("other", "one"),
    ("one", "person"),
    ("person", "one"),
    ("one", "nothing"),
    ("nothing", "one"),
    ("other", "other"),
)
"""Who is in ``prompt``, and who in ``prompt_2``."""


@dataclass(frozen=True)
class Asked:
    """n pairs of names, each in a template.

    Attributes:
        one, other: the names.
        texts: who → the prompts with them.
    """

    one: list[str]
    other: list[str]
    texts: dict[str, list[str]]
    seeds: range


def main() -> None:
    asked = parser(__doc__, "--base", "--set", "--variant", "--forget", "--build")
    asked.add_argument("--n", type=int, default=48, help="pictures a case")
    asked.add_argument("--bare", action="store_true", help="no guard")
    options = asked.parse_args()
    quiet()
    header = ["guard", "prompt", "prompt_2", "n", "shows one", "shows other", "somebody else", "nobody", "changed"]
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    base = _bare(job_of(options), options.n)
    for label, job in [] if options.bare else variants(options):
        _guarded(label, job, options.n, base)


def _bare(job: Job, n: int) -> list[np.ndarray]:
    """Prints the base's rows; returns its pictures, case by case."""
    family, judge, asked = jobs.load_base(job), judge_of(job), questions(job.concepts, n)
    if len(family.encoders) < 2:
        raise UnhypeError(f"got {job.base.reference} with one text encoder, wanted a base that reads two prompts")
    found = []
    for case in CASES:
        first, second = (asked.texts[who] for who in case)
        found.append(drawn(family, first, asked.seeds, job.sampling, {"prompt_2": second}))
        _print("bare", case, asked, judge, found[-1], None)
    return found


def _guarded(label: str, job: Job, n: int, bare: Sequence[np.ndarray]) -> None:
    family, judge, asked = jobs.load_base(job), judge_of(job), questions(job.concepts, n)
    guard = trained(job, family)
    with guard.attached(family.pipeline, family=family):
        for case, before in zip(CASES, bare, strict=True):
            first, second = (asked.texts[who] for who in case)
            after = drawn(family, first, asked.seeds, job.sampling, {"prompt_2": second})
            _print(label, case, asked, judge, after, before)


def questions(concepts: ConceptSet, n: int) -> Asked:
    """Forgotten names beside names to keep, half of which training never saw, walking through the templates."""
    frames = list(chain.from_iterable(DEVELOPMENT.values()))
    kept = [name for pair in zip(concepts.retain, concepts.evaluation, strict=False) for name in pair]
    places = range(n)
    one = [concepts.forget[i % len(concepts.forget)].concept for i in places]
    other = [kept[i % len(kept)] for i in places]
    anchors = [concepts.forget[i % len(concepts.forget)].anchor for i in places]
    texts = {
        who: [frames[i % len(frames)].format(name) for i, name in enumerate(names)]
        for who, names in (("one", one), ("other", other), ("person", anchors))
    }
    begin = FIRST_SEED["development"] + SEEDS_FROM
    return Asked(one, other, {**texts, "nothing": [""] * n}, range(begin, begin + n))


def _print(
    label: str, case: tuple[str, str], asked: Asked, judge: Judge, pixels: np.ndarray, bare: np.ndarray | None
) -> None:
    seen = [set(each.concepts) for each in judge.read(pixels)]
    people = judge.people | {UNKNOWN}
    own = [{one, other} for one, other in zip(asked.one, asked.other, strict=True)]
    shares = [
        [one in there for one, there in zip(asked.one, seen, strict=True)],
        [other in there for other, there in zip(asked.other, seen, strict=True)],
        [bool(there & people - names) for names, there in zip(own, seen, strict=True)],
        [not there & people for there in seen],
    ]
    cells = [label, *case, str(len(pixels)), *(f"{np.mean(share):.3f}" for share in shares)]
    cells.append("–" if bare is None else f"{(change(bare, pixels) > 0).mean():.3f}")
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
