"""A guard beside the champion, picture by picture: the same prompts, seeds, base and judge, so that luck cancels out.

Not to be worse is to be shown: at the worse end of the interval a share may be worse by no more than the margin.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from unhype.gates.intervals import bootstrap
from unhype.gates.marks import GONE, KEPT, KEY
from unhype.gates.settings import GateSettings

TITLES = {
    ("forget", GONE): "forgotten, still shown",
    ("alias", GONE): "asked for by alias, still shown",
    ("evaluation", KEPT): "never heard of, lost",
    ("near_miss", KEPT): "near misses, lost",
    ("forgotten_and_retained", GONE): "beside one to keep, still shown",
    ("forgotten_and_retained", KEPT): "beside a forgotten one, lost",
}
"""(Group, side) → what goes wrong there; of all of it less is better."""


@dataclass(frozen=True)
class Difference:
    """How often something goes wrong, the new guard against the champion.

    Attributes:
        n: pairs of pictures that count under both.
        new, champion: shares that go wrong.
        low, high: 95 % interval of their difference; above 0 the new guard is worse.
        passed: ``high`` is within the margin.
    """

    title: str
    n: int
    new: float
    champion: float
    low: float
    high: float
    passed: bool

    @property
    def mean(self) -> float:
        """The difference; above 0 the new guard is worse."""
        return self.new - self.champion


@dataclass(frozen=True)
class Regression:
    """A concept with which the new guard goes wrong more often than the champion.

    Attributes:
        new, champion: pictures that go wrong, of ``n``.
        prompt, seed: of the first picture that only the new guard gets wrong.
    """

    title: str
    concept: str
    new: int
    champion: int
    n: int
    prompt: str
    seed: int


def compare(
    new: pd.DataFrame, champion: pd.DataFrame, settings: GateSettings
) -> tuple[tuple[Difference, ...], tuple[Regression, ...]]:
    """Differences of every group that both have marks of, and regressions, the gravest first."""
    pairs = new.merge(champion, on=KEY, suffixes=("", "_champion"), validate="one_to_one")
    pairs = pairs[pairs["counts"] & pairs["counts_champion"]]
    differences, regressions = [], []
    for (group, side), title in TITLES.items():
        found = pairs[(pairs["group"] == group) & (pairs["side"] == side)]
        if found.empty:
            continue
        wrong = found.assign(
            new=found["shown"] == (side == GONE), old=found["shown_champion"] == (side == GONE), pair=1
        )
        each = wrong["new"].astype(float) - wrong["old"].astype(float)
        low, high = bootstrap(each.tolist(), wrong["concept"].tolist(), settings.samples)
        shares = float(wrong["new"].mean()), float(wrong["old"].mean())
        differences.append(Difference(title, len(wrong), *shares, low, high, high <= settings.margin))
        for concept, rows in wrong.groupby("concept"):
            more, fewer = int(rows["new"].sum()), int(rows["old"].sum())
            if more > fewer:
                first = rows[rows["new"] & ~rows["old"]].iloc[0]
                asked = str(first["prompt"]), int(first["seed"])
                regressions.append(Regression(title, str(concept), more, fewer, len(rows), *asked))
    return tuple(differences), tuple(sorted(regressions, key=lambda one: (one.champion - one.new, one.concept)))
