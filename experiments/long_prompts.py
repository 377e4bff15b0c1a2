"""Is a name found deep in a long prompt, where only the second text encoder still reads?

Flux's T5 reads 512 tokens where CLIP reads 77, if the call says so (``max_sequence_length``). A development template
with a name of the development set (development.py) stands among ordinary words, so that the name begins at a given
word; as many words follow as fill the prompt up to ``--words``. The words are those that the second tokenizer says most
briefly, so that they fit. Place 1 is the template alone, wherever its name stands.

    shows it   the share of pictures with that name: bare, the floor and the ceiling of what there is to forget
    changed    the share of pictures in which the guard changes something

``read by`` says in how many prompts the name lies within what CLIP, and what T5, reads.

.venv/bin/python experiments/long_prompts.py --base mini-flux --n 48 --places 1 10 40 80 120 --length 192
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
from asking import job_of, parser, variants
from development import judge_of, trained
from drawing import change, drawn

from unhype.families.family import Family
from unhype.judges.judge import Judge, Seen
from unhype.miniature.frames import FILLERS
from unhype.pipeline import job as jobs
from unhype.prompts.rows import FIRST_SEED
from unhype.prompts.templates import DEVELOPMENT
from unhype.terminal import quiet

SEEDS_FROM = 13_000_000
"""Seeds start so far behind the development split's first."""

ORDINARY = 60
"""Different words to fill with."""


@dataclass(frozen=True)
class Asked:
    """Prompts with a name in each.

    Attributes:
        prompts, names: n of each.
        heads: of each prompt what ends with its name.
    """

    prompts: list[str]
    names: list[str]
    heads: list[str]


def main() -> None:
    asked = parser(__doc__, "--base", "--set", "--variant", "--forget", "--build")
    asked.add_argument("--n", type=int, default=48, help="pictures a place, of forgotten names and of others each")
    asked.add_argument(
        "--places", type=int, nargs="+", default=[1, 10, 40, 80, 120], help="word at which a name begins"
    )
    asked.add_argument("--words", type=int, default=125, help="of a whole prompt, at least")
    asked.add_argument("--length", type=int, default=192, help="max_sequence_length of the calls")
    asked.add_argument("--bare", action="store_true", help="no guard")
    options = asked.parse_args()
    quiet()
    header = ["guard", "name at word", "names", "n", "read by CLIP", "by T5", "shows it", "face", "changed"]
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    job = job_of(options)
    sets = {
        "forgotten": [entry.concept for entry in job.concepts.forget],
        "never seen": list(job.concepts.evaluation),
    }
    begin = FIRST_SEED["development"] + SEEDS_FROM
    seeds, drawings = range(begin, begin + options.n), {}
    family, judge = jobs.load_base(job), judge_of(job)
    words = brief(family)
    questions = {
        (place, kind): prompts(names, options.n, place, options.words, words)
        for place in options.places
        for kind, names in sets.items()
    }
    for key, each in questions.items():
        drawings[key] = drawn(family, each.prompts, seeds, job.sampling, max_sequence_length=options.length)
        _print("bare", key, each, family, options.length, judge, drawings[key], None)
    for label, job in [] if options.bare else variants(options):
        family = jobs.load_base(job)
        guard = trained(job, family)
        for key, each in questions.items():
            with guard.attached(family.pipeline, family=family):
                after = drawn(family, each.prompts, seeds, job.sampling, max_sequence_length=options.length)
            _print(label, key, each, family, options.length, judge, after, drawings[key])


def brief(family: Family) -> list[str]:
    """The ordinary words that the tokenizer of the token states says in fewest tokens, in their usual order."""
    ranked = sorted(FILLERS, key=lambda word: (family.last_token(word), FILLERS.index(word)))[:ORDINARY]
    return [word for word in FILLERS if word in ranked]


def prompts(names: list[str], n: int, place: int, total: int, words: list[str]) -> Asked:
    """n prompts, walking through names and development templates."""
    frames = list(chain.from_iterable(DEVELOPMENT.values()))
    found = Asked([], [], [])
    for i in range(n):
        frame, name = frames[i % len(frames)], names[i % len(names)]
        rng, before = np.random.default_rng([place, i]), max(0, place - 1 - frame.split().index("{}"))
        head = " ".join([*rng.choice(words, before), frame.partition("{}")[0] + name])
        text = head + frame.partition("{}")[2]
        after = max(0, total - len(text.split())) if place > 1 else 0
        found.prompts.append(" ".join([text, *rng.choice(words, after)]))
        found.names.append(name)
        found.heads.append(head)
    return found


def _print(
    label: str,
    key: tuple[int, str],
    asked: Asked,
    family: Family,
    length: int,
    judge: Judge,
    pixels: np.ndarray,
    bare: np.ndarray | None,
) -> None:
    seen: list[Seen] = judge.read(pixels)
    first = family.encoders[0][1]
    limit = getattr(family.pipeline, first).model_max_length
    shares = [
        [family.tokens(head) <= limit for head in asked.heads],
        [family.last_token(head) + 2 <= length for head in asked.heads],
        [name in each.concepts for name, each in zip(asked.names, seen, strict=True)],
        [each.face for each in seen],
    ]
    cells = [label, str(key[0]), key[1], str(len(pixels)), *(f"{np.mean(share):.3f}" for share in shares)]
    cells.append("–" if bare is None else f"{(change(bare, pixels) > 0).mean():.3f}")
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
