"""What should the switch look at, and where should it open?

Development templates, the lists' roles swapped (development.py): the evaluation names, celeb100's aliases and the
held-out templates are not touched. The switch looks at

    prompt   the vector of the whole prompt, a switch fitted on whole training prompts
    phrase   the vector of every phrase of up to four words, alone; the nearest counts
    eroded   the same, each phrase only as near as it is with the word before it, and with the word after it
    either   eroded phrases, and the whole prompt in the same geometry (what ships)

The table gives the share of prompts for which the switch is more than half open, for each cosine at which it opens.

.venv/bin/python experiments/phrases.py
.venv/bin/python experiments/phrases.py --base mini-flux --forget 40 --n 160 --opens 0.8
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import torch
from asking import job_of, parser, variants

from unhype.concepts.schema import ConceptSet
from unhype.erasing.fitting import fit_to_set
from unhype.erasing.phrases import neighbours, spans_of
from unhype.erasing.switch import Switch, fit_switch
from unhype.evaluation.scores import separation
from unhype.families.family import Family
from unhype.pipeline import job as jobs
from unhype.prompts.strata import STRATA
from unhype.prompts.templates import DEVELOPMENT, TRAINING
from unhype.terminal import quiet

VIEWS = ("prompt", "phrase", "eroded", "either")
CHOSEN = (
    "forgotten",
    "alias",
    "misspelt",
    "two_forgotten",
    "forgotten_and_retained",
    "trained",
    "unseen",
    "near_miss",
)
NAMELESS = ("a man", "a woman", "a person", "a dog", "a ship", "a street", "the sky", "a cat with a man")


def main() -> None:
    asked = parser(__doc__, "--base", "--set", "--variant", "--forget", "--build")
    asked.add_argument("--n", type=int, default=10_000, help="prompts of each kind, at most")
    asked.add_argument("--opens", type=float, nargs="+", default=[0.65, 0.7, 0.75, 0.8, 0.85], help="cosines")
    asked.add_argument("--views", nargs="+", choices=VIEWS, default=VIEWS)
    options = asked.parse_args()
    quiet()
    prompts = _prompts(job_of(options).concepts, options.n)
    kinds = " | ".join(f"{kind} ({len(each)})" for kind, each in prompts.items())
    print(
        f"| variant | looks at | opens at | {kinds} | AUC, forgotten against unseen |\n|{'---|' * (len(prompts) + 4)}"
    )
    for label, job in variants(options):
        family = jobs.load_base(job)
        whole, phrases = _whole(family, job.concepts), fit_to_set(family, job.concepts)
        for view in options.views:
            switch = whole if view == "prompt" else phrases
            looked = {stratum: _look(family, switch, texts, view) for stratum, texts in prompts.items()}
            for opens in options.opens:
                best = {stratum: _best(parts, opens) for stratum, parts in looked.items()}
                auc = separation(best["forgotten"].numpy(), best["unseen"].numpy())
                shares = [f"{float((x > 0).double().mean()):.3f}" for x in best.values()]
                print(f"| {label} | {view} | {opens} | {' | '.join(shares)} | {auc:.4f} |", flush=True)


def _whole(family: Family, concepts: ConceptSet) -> Switch:
    """Fitted on whole training prompts."""
    templates = list(chain.from_iterable(TRAINING.values()))

    def grid(names: Sequence[str]) -> torch.Tensor:
        texts = [template.format(name) for name in names for template in templates]
        return family.vectors(texts).view(len(names), len(templates), -1)

    forgotten = [entry.concept for entry in concepts.forget]
    return fit_switch(forgotten, grid(forgotten), grid(concepts.retain))


def _prompts(concepts: ConceptSet, n: int) -> dict[str, list[str]]:
    """Stratum → its texts in every development template, at most n."""
    asked = {stratum: list(dict.fromkeys(text for text, _, _ in STRATA[stratum][0](concepts))) for stratum in CHOSEN}
    asked["nameless, things"] = list(NAMELESS)
    frames = list(chain.from_iterable(DEVELOPMENT.values()))
    return {
        stratum: _thinned([frame.format(text) for text in texts for frame in frames], n)
        for stratum, texts in asked.items()
        if texts
    }


def _thinned(prompts: list[str], n: int) -> list[str]:
    """At most n of them, from all over, and so in all templates."""
    if len(prompts) <= n:
        return prompts
    return [prompts[i] for i in np.random.default_rng(0).choice(len(prompts), n, replace=False)]


Looked = list[tuple[torch.Tensor, torch.Tensor]]
"""Cosines of each prompt to the forgotten centres and to the nearest retained one.

Their shapes are ``[phrases, alternatives, m]`` and ``[phrases, alternatives, 1]``.
"""


def _look(family: Family, switch: Switch, prompts: Sequence[str], view: str) -> Looked:
    least = replace(switch, threshold=-2.0)  # so that the margin tells how near the retained are
    found = []
    for prompt in prompts:
        words = prompt.split()
        spans = [(0, len(words))] if view == "prompt" else spans_of(len(words), switch.longest)
        around = [(span, *neighbours(span, len(words))) if view in ("eroded", "either") else (span,) for span in spans]
        if view == "either":
            around.append(((0, len(words)),) * 3)
        c = family.vectors([" ".join(words[i:j]) for each in around for i, j in each])
        near = switch.similarity(c)
        kept = (near - least.margin(c)).amax(1, keepdim=True)
        shape = (len(around), len(around[0]), -1)
        found.append((near.view(shape), kept.view(shape)))
    return found


def _best(looked: Looked, opens: float) -> torch.Tensor:
    """The margin of each prompt's nearest phrase, ``[n]``."""
    return torch.stack([(near - kept.clamp(min=opens)).amin(1).max() for near, kept in looked])


if __name__ == "__main__":
    main()
