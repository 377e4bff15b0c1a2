"""How does the base tell best who is in a picture: how far into the noise, and against what?

The witness (unhype/monitor/witness.py) asks the bare base of a picture that is noised anew whether the name explains it
better than no words do. Development sentences, names of training, pictures of the bare base: every second forgotten
name alone and beside somebody who stays, and those who stay alone and beside each other, who must be taken for nobody.
Asked about are the right ones, and the most suspicious of each picture of strangers, by the monitor's own net. Ways:

    no words    as it ships: "a photo of NAME" against ""
    likes       against people like the name, alone and in company, and the best of these counts: "a photo of NAME"
                against "a photo of a man", "a photo of NAME and a woman" against "a photo of a man and a woman"

For each level of noise and way: V in the median, of the right ones and of strangers', and how well it tells them apart
(AUC; 0.5: not at all), alone, in company, and all together as the weights have to.

.venv/bin/python experiments/witnessing.py --model build/guards/NAME --shares 0.2 0.4 0.6
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from development import DATA
from sklearn.metrics import roc_auc_score

from unhype.bases.finding import find_base
from unhype.concepts.loading import load_set
from unhype.erasing.fitting import NAMED
from unhype.erasing.guard import Guard
from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.monitor import features
from unhype.monitor.monitor import LOOK
from unhype.monitor.recording import drawn
from unhype.monitor.witness import _errors
from unhype.params import load_params
from unhype.prompts.templates import DEVELOPMENT
from unhype.reports.tables import markdown
from unhype.terminal import quiet

SEED = 39_000_000
AT_ONCE = 32
FORMS = ("a photo of {} and {}", "a photo of {1} and {0}")
"""Of company: with each kind of people one."""


@dataclass(frozen=True)
class Asked:
    """A name that may be in a picture.

    Attributes:
        like: its anchor.
        right: whether it was asked for.
    """

    picture: int
    name: str
    like: str
    right: bool
    alone: bool


class Witness:
    """What the base says, at one level of noise."""

    def __init__(self, family: Family, latents: torch.Tensor, asked: Sequence[Asked]) -> None:
        self.family, self.latents, self.asked = family, latents, asked
        self.noisy, self.times = features.noised(family, latents)
        self.places = [each.picture for each in asked]
        self.nobody = self.errors([""] * len(asked))
        self.scale = self.nobody.mean(1)

    def errors(self, prompts: Sequence[str]) -> torch.Tensor:
        """Of each one's picture by a prompt, in each window."""
        found = []
        for start in range(0, len(prompts), AT_ONCE):
            rows = self.places[start : start + AT_ONCE]
            text = self.family.remembered(prompts[start : start + AT_ONCE])
            predicted = self.family.predict(self.noisy[rows], self.times[rows], text)
            clean = self.family.clean(self.noisy[rows], self.times[rows], predicted)
            found.append(_errors(clean - self.latents[rows]))
        return torch.cat(found)

    def ways(self) -> Iterator[tuple[str, np.ndarray]]:
        """Way → V of each."""
        alone = self.errors([NAMED.format(each.name) for each in self.asked])
        yield "no words", self._most(self.nobody - alone)
        likes = [self._most(self.errors([NAMED.format(each.like) for each in self.asked]) - alone)]
        for form, other in zip(FORMS, sorted({each.like for each in self.asked}), strict=False):
            people = self.errors([form.format(each.like, other) for each in self.asked])
            names = self.errors([form.format(each.name, other) for each in self.asked])
            likes.append(self._most(people - names))
        yield "likes", np.max(likes, 0)

    def _most(self, better: torch.Tensor) -> np.ndarray:
        most: np.ndarray = (better.amax(1) / self.scale).numpy()
        return most


@torch.no_grad()
def main() -> None:
    options = _options()
    quiet()
    guard = Guard.load(options.model, ungated=True)
    if guard.monitor is None:
        raise UnhypeError(f"got {options.model} without a monitor, wanted a guard that has one")
    facts = guard.trained.facts
    source, concepts = find_base(facts["base"], DATA), load_set(facts["concepts"], DATA / "concepts")
    family = guard.load_family(source)
    how = load_params(Path("params.yaml")).suited(source, DATA / "judges").sampling
    frames = list(chain.from_iterable(DEVELOPMENT.values()))
    forget, retain = [entry.concept for entry in concepts.forget][::2], list(concepts.retain)[::2]
    others = [retain[(i + 7) % len(retain)] for i in range(len(forget))]
    beside = zip((*forget, *retain), (*others, *retain[11:], *retain[:11]), strict=True)
    texts = [*forget, *retain, *(f"{one} and {other}" for one, other in beside)]
    prompts = [frames[i % len(frames)].format(text) for i, text in enumerate(texts)]
    table = pd.DataFrame({"prompt": prompts, "other": prompts, "part": 1.0, "seed": range(SEED, SEED + len(prompts))})
    blocks = [table.iloc[start : start + how.batch] for start in range(0, len(table), how.batch)]
    latents = torch.cat([drawn(family, block, LOOK, how) for block in blocks])
    like = {entry.concept: entry.anchor for entry in concepts.forget}
    asked, half = dict[tuple[int, bool], Asked](), len(forget) + len(retain)
    eager = replace(guard.monitor, suspected=-np.inf)
    for each in eager.suspects(features.view(family, latents), [()] * len(texts)):
        name, strange = guard.monitor.concepts[each.concept], each.picture % half >= len(forget)
        if strange or name in texts[each.picture]:  # the most suspicious stands first
            asked.setdefault(
                (each.picture, strange), Asked(each.picture, name, like[name], not strange, each.picture < half)
            )
    found = []
    for features.SHARE in options.shares:
        for way, told in Witness(family, latents, list(asked.values())).ways():
            found.append([f"{features.SHARE:g}", way, *_cells(list(asked.values()), told)])
    where = [f"{place}: V, right / strangers" for place in ("alone", "in company")]
    print(markdown((["noise", "against", where[0], "AUC", where[1], "AUC", "all: AUC"], found)))
    print(f"\n{sum(each.right for each in asked.values())} right, {sum(not each.right for each in asked.values())} not")


def _cells(asked: Sequence[Asked], told: np.ndarray) -> Iterator[str]:
    right, alone = (np.array([getattr(each, what) for each in asked]) for what in ("right", "alone"))
    for those in (alone, ~alone):
        yield f"{np.median(told[those & right]):.2f} / {np.median(told[those & ~right]):.2f}"
        yield f"{roc_auc_score(right[those], told[those]):.3f}"
    yield f"{roc_auc_score(right, told):.3f}"


def _options() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--model", required=True, help="a guard with a monitor")
    asked.add_argument("--shares", type=float, nargs="+", default=[0.2, 0.4, 0.6], help="levels of noise")
    return asked.parse_args()


if __name__ == "__main__":
    main()
