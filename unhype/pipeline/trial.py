"""A trial: a guard and the champion draw the same held-out prompts with the same seeds, and one judge looks at both.

The prompts are those of the evaluation, and of two strata that it lacks: near misses, and a forgotten one beside one to
keep. What the evaluation drew is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from PIL import Image

from unhype.erasing.guard import Guard
from unhype.erasing.guarded import Guarded
from unhype.evaluation.album import Album
from unhype.evaluation.looking import drifts, readings
from unhype.families.family import Family
from unhype.gates.absolute import ALIAS, FORGET, MIXED, NEAR, UNSEEN, Measured
from unhype.gates.marks import marks_of
from unhype.gates.paired import Regression
from unhype.gates.settings import GateSettings
from unhype.judges.judge import Judge, Seen
from unhype.pictures.gallery import draw_gallery
from unhype.pipeline.job import Job
from unhype.pipeline.making import bare_album
from unhype.progress import Progress
from unhype.prompts.strata import strata_table
from unhype.prompts.tables import PromptSettings

GALLERY = 8
"""Regressions that are shown with their pictures."""


class Trial:
    """One table of prompts, and guards on it.

    Attributes:
        table: see :mod:`unhype.prompts.rows`.
        absent: group that the set cannot fill → why.
    """

    def __init__(self, job: Job, family: Family, judge: Judge | None, settings: GateSettings) -> None:
        self.job, self.family, self.judge = job, family, judge
        strata, self.absent = strata_table(job.concepts, PromptSettings(settings.strata))
        parts = (job.evaluation_table, (FORGET, ALIAS, UNSEEN)), (strata, (NEAR, MIXED))
        self.table = pd.concat([table[table["group"].isin(groups)] for table, groups in parts], ignore_index=True)
        self.bare = bare_album(job, family)
        self._seen: list[Seen] | None = None
        self._families: dict[Guard, Family] = {}

    def draw(self, who: str, guard: Guard) -> Iterator[Progress]:
        """Draw what is missing; ``who`` is for the bar."""
        asked = list(self.table["prompt"]), list(self.table["seed"])
        for name, album, bare in ((f"{who}: bare", self.bare, None), (who, self._album(guard), self.bare)):
            for done in album.draw(*asked, bare):
                yield Progress(name, done, len(self.table))

    def marks(self, guard: Guard) -> pd.DataFrame | None:
        """See :mod:`unhype.gates.marks`; ``None`` where nobody judges. The pictures must be drawn."""
        if self.judge is None:
            return None
        self._seen = self._seen or readings(self.judge, self._pictures(self.bare, self.table))
        seen = readings(self.judge, self._pictures(self._album(guard), self.table))
        return marks_of(self.table, seen, self._seen, self.job.concepts.sort.faces, self.judge.known)

    def measured(self, guard: Guard, attacks: Mapping[str, Mapping[str, Any]]) -> Measured:
        """All that absolute gates look at."""
        stays = self.table[self.table["group"] == UNSEEN]
        drift = None
        if len(stays):
            moved = drifts(self._pictures(self._album(guard), stays), self._pictures(self.bare, stays))
            drift = float(moved.mean())
        groups = {str(group): int(n) for group, n in self.table["group"].value_counts().items()}
        faces = self.job.concepts.sort.faces
        return Measured(groups, self.marks(guard), drift, faces, attacks, self.absent)

    def gallery(self, regressions: tuple[Regression, ...], guard: Guard, champion: Guard) -> Image.Image | None:
        """The gravest regressions: base, champion and new guard below each other; ``None`` without any."""
        shown = regressions[:GALLERY]
        if not shown:
            return None
        asked = [one.prompt for one in shown], [one.seed for one in shown]
        albums = {"base": self.bare, "champion": self._album(champion), "new": self._album(guard)}
        pictures = [picture for album in albums.values() for picture in album.read(*asked)]
        words = [f"{name}: {one.prompt if name == 'base' else one.concept}" for name in albums for one in shown]
        return draw_gallery(pictures, words, len(shown))

    def _pictures(self, album: Album, rows: pd.DataFrame) -> Iterator[Any]:
        return album.batches(list(rows["prompt"]), list(rows["seed"]))

    def _album(self, guard: Guard) -> Album:
        return Album(self.job.images_folder, Guarded(self._family(guard), guard, self.job.sampling))

    def _family(self, guard: Guard) -> Family:
        """The base with the layers of this guard: of another choice than the job's it is loaded once more."""
        facts = guard.trained.facts
        same = facts["site_table"] == self.family.table and facts.get("reads", self.family.reads) == self.family.reads
        if same:
            return self.family
        if guard not in self._families:
            self._families[guard] = guard.load_family(self.job.base, self.job.loading)
        return self._families[guard]
