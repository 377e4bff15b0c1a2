"""One eraser on one table: a registered version, a rival or the bare base; a list's evaluation, its strata, or a CSV.

What a training's evaluation, a comparison and ``unhype evaluate`` do each for its own: for any pair, and in shards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unhype.comparison.methods import METHODS, chosen
from unhype.comparison.running import BARE, Comparison
from unhype.comparison.scoring import summary
from unhype.eraser import Eraser, Nothing
from unhype.erasing.checkpoint import read_card
from unhype.erasing.guard import Guard
from unhype.erasing.guarded import Guarded
from unhype.errors import UnhypeError
from unhype.evaluation import shards
from unhype.evaluation.album import Album
from unhype.evaluation.fidelity import compare_albums
from unhype.evaluation.listed import Lookers, draw_list, read_prompts, score_list
from unhype.evaluation.looking import drifts, readings
from unhype.evaluation.scores import protocols, score_groups
from unhype.evaluation.shards import WHOLE, Shard
from unhype.judges.choosing import Judging
from unhype.judges.remembering import Memory, remembering
from unhype.params import Params
from unhype.pictures.gallery import draw_gallery
from unhype.pipeline import job as jobs
from unhype.pipeline.job import Job, open_job
from unhype.progress import Progress
from unhype.prompts.stored import rows_hash
from unhype.prompts.strata import strata_table

if TYPE_CHECKING:
    from PIL import Image

COLUMNS = 8
"""Pictures in a row of a gallery."""

EVALUATION, STRATA = "evaluation", "strata"
"""Tables that a list has; anything else names a CSV."""

RIVALS = tuple(name for name in METHODS if name != "unhype")


@dataclass(frozen=True)
class Asked:
    """What is to be assessed.

    Attributes:
        guard: its folder; ``None`` for a rival or the bare base.
        method: ``none`` for the bare base, a rival's name, or ``unhype`` with a guard.
        on: ``evaluation``, ``strata``, or the path of a CSV.
        seed: of a rival's training.
    """

    guard: Path | None
    method: str
    on: str
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises UnhypeError for a method that is not known, or one that does not go with the guard."""
        known = (BARE, *RIVALS)
        if self.guard is None and self.method not in known:
            raise UnhypeError(f"got the method {self.method!r} without a guard, wanted one of {', '.join(known)}")
        if self.guard is not None and self.method != "unhype":
            raise UnhypeError(f"got the method {self.method!r} beside a guard, wanted one of the two")
        if self.on not in (EVALUATION, STRATA) and not Path(self.on).is_file():
            raise UnhypeError(f"got the table {self.on!r}, wanted {EVALUATION}, {STRATA}, or a CSV that is there")


def job_for(asked: Asked, params: Params, concepts: str, base: str, data: Path, build: Path, n: int | None) -> Job:
    """The job whose prompts, base and judge are asked; of a guard its own list and base, where none is named.

    Raises:
        UnhypeError: neither a guard nor a list is named; or see :func:`unhype.pipeline.job.open_job`.
    """
    card = read_card(asked.guard) if asked.guard else {}
    wanted = concepts or card.get("concepts", "")
    if not wanted:
        raise UnhypeError(
            f"got the method {asked.method} and no list, wanted one to ask it about: name its concept set"
        )
    return open_job(params, wanted, base or card.get("base", "mini-sd"), data, build, n=n)


class Assessment:
    """An eraser, a table of prompts, and who looks.

    Attributes:
        table: see :mod:`unhype.prompts.rows`.
        absent: stratum that the set cannot fill → why.
    """

    def __init__(self, asked: Asked, job: Job, seen: Memory) -> None:
        """``seen`` is what the judge saw before, of shards that are joined."""
        self.asked, self.job = asked, job
        judging: Judging = jobs.judging_of(job)
        self.judge = remembering(judging.judge, seen) if judging.judge else None
        self.clip, self.detector = judging.embeddings, judging.detector
        self.absent: dict[str, str] = {}
        if asked.on == EVALUATION:
            self.table = job.evaluation_table
        elif asked.on == STRATA:
            self.table, self.absent = strata_table(job.concepts, job.prompts)
        else:
            words, people = (self.judge.vocabulary, self.judge.people) if self.judge else (None, ())
            self.table = read_prompts(Path(asked.on), words, people)
        self._guard = Guard.load(asked.guard) if asked.guard else None
        load = self._guard.load_family if self._guard else None
        self.family = load(job.base, job.loading) if load else jobs.load_base(job)
        self.bare = Nothing(self.family, job.base.hash, job.sampling)

    @cached_property
    def rival(self) -> Comparison:
        """The comparison that fits the rival; a guard and the bare base need none."""
        methods = chosen([self.asked.method], self.job)
        return Comparison(self.job, self.family, self.judge, self.clip, methods, [self.asked.seed])

    def fit(self) -> Iterator[Progress]:
        """Fit a rival; nothing to do for others."""
        if self.asked.method in RIVALS:
            yield from self.rival.fit_one(self.asked.method, self.asked.seed)

    def fitted(self) -> list[Path]:
        """Files that a fitted rival needs: its own, and those of what it builds on."""
        if self.asked.method not in RIVALS:
            return []
        method, case = self.rival.methods[self.asked.method], self.rival.case(self.asked.seed)
        paths = [case.path(part.fits) for part in (*method.needs, method)]
        return [file for path in paths for file in (path, path.with_suffix(".json")) if file.exists()]

    @cached_property
    def eraser(self) -> Eraser:
        """Who draws; a rival must be fitted."""
        if self._guard:
            return Guarded(self.family, self._guard, self.job.sampling)
        if self.asked.method == BARE:
            return self.bare
        return self.rival.eraser(self.asked.method, self.asked.seed)

    @cached_property
    def album(self) -> Album:
        return Album(self.job.images_folder, self.eraser)

    @cached_property
    def bare_album(self) -> Album:
        return Album(self.job.images_folder, self.bare)

    def draw(self, shard: Shard = WHOLE) -> Iterator[Progress]:
        """Draw what is missing of a shard."""
        if self._listed:
            yield from draw_list(self.table, self.eraser, self.judge, self.job.images_folder, self.bare, shard)
            return
        yield from shards.draw("bare pictures", self.bare_album, self.table, shard)
        if self.asked.method != BARE:
            yield from shards.draw(f"{self.eraser.name}'s pictures", self.album, self.table, shard, self.bare_album)

    def look(self, shard: Shard = WHOLE) -> Iterator[Progress]:
        """Have the judge look at a shard; the pictures must be drawn."""
        if self.judge is None:
            return
        blocks = shard.blocks(self.table)
        for done, rows in enumerate(blocks):
            yield Progress("judged", done, len(blocks))
            for album in self._albums():
                readings(self.judge, album.batches(list(rows["prompt"]), list(rows["seed"])))
        yield Progress("judged", len(blocks), len(blocks))

    def pictures(self, shard: Shard = WHOLE) -> list[Path]:
        """The files of a shard's pictures, each once."""
        rows = [pair for rows in shard.blocks(self.table) for pair in zip(rows["prompt"], rows["seed"], strict=True)]
        found = dict.fromkeys(album.path(prompt, int(seed)) for album in self._albums() for prompt, seed in rows)
        return [path for path in found if path.exists()]

    def scores(self) -> dict[str, Any]:
        """Everything measured; the pictures must be drawn."""
        job, table = self.job, self.table
        about = {
            "concepts": job.concepts.name,
            "concepts_hash": job.concepts.content_hash(),
            "base": job.base.reference,
            "base_hash": job.base.hash,
            "eraser": self.eraser.name,
            "identity": self.eraser.identity,
            "sampling": asdict(job.sampling),
            "on": Path(self.asked.on).name,
            "prompts": rows_hash(table),
            "seeds": [int(table["seed"].min()), int(table["seed"].max())],
            **({"judge": self.judge.name} if self.judge else {"judge": None, "unjudged": True}),
        }
        if self._listed:
            by = Lookers(self.judge, self.clip, self.detector)
            return score_list(table, self.eraser, by, job.images_folder, self.bare) | about
        prompts, seeds, kind, judge = list(table["prompt"]), list(table["seed"]), job.concepts.sort, self.judge
        album, bare = self._albums()[-1], self.bare_album
        now, before = (readings(judge, of.batches(prompts, seeds)) if judge else None for of in (album, bare))
        moved = drifts(album.batches(prompts, seeds), bare.batches(prompts, seeds))
        groups = score_groups(table, now, before, moved, kind.faces, judge.known if judge else None)
        stays = table[table["erased"] == ""]
        far = compare_albums(album, bare, list(stays["prompt"]), list(stays["seed"]), self.clip, judge)
        own: Mapping[str, Any] = (
            {"summary": summary(groups, kind.general)}
            if self.asked.on == STRATA
            else {"protocols": protocols(groups, kind.general)}
        )
        return {
            **about,
            **own,
            "n": len(table),
            "excluded": "nothing; Acc_e and Acc_g are shares of pictures with a face" if kind.faces else "nothing",
            "strata": {name: score.told() for name, score in groups.items()},
            "missing_strata": self.absent,
            "fidelity": {name: value for name, value in asdict(far).items() if value is not None},
        }

    def galleries(self) -> Iterator[tuple[str, Image.Image]]:
        """Role or stratum, and some of its pictures: the base above, the eraser below. The pictures must be drawn."""
        albums = [album for album in (self.bare_album, self.album) if album.folder.exists()]
        for group, rows in self.table.groupby("group", sort=False):
            chosen = rows.iloc[:: max(1, len(rows) // COLUMNS)][:COLUMNS]
            asked = list(chosen["prompt"]), [int(seed) for seed in chosen["seed"]]
            there = [album for album in albums if all(album.path(*one).exists() for one in zip(*asked, strict=True))]
            pictures = [picture for album in there for picture in album.read(*asked)]
            words = [*asked[0], *[self.eraser.name] * (len(pictures) - len(chosen))]
            yield str(group), draw_gallery(pictures, words, len(chosen))

    @property
    def _listed(self) -> bool:
        return self.asked.on not in (EVALUATION, STRATA)

    def _albums(self) -> list[Album]:
        """Bare first; a list of prompts may need no bare pictures, and then has none."""
        albums = [self.bare_album, *([self.album] if self.asked.method != BARE else [])]
        return [self.album] if self._listed else albums
