"""A guard, examined: the evaluation table's pictures with and without it, what a judge sees, and a gallery to look at.

A set of things is also examined class by class, the way objects are compared in the papers: one class forgotten, the
nine others kept. It is one guard all the same, with its switch set to that class.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from unhype.erasing.guard import Guard
from unhype.erasing.guarded import Guarded
from unhype.evaluation import shards
from unhype.evaluation.album import Album
from unhype.evaluation.fidelity import compare_albums
from unhype.evaluation.looking import drifts, readings
from unhype.evaluation.scores import GroupScore, protocols, score_groups, separation
from unhype.evaluation.shards import WHOLE, Shard
from unhype.families.family import Family
from unhype.files import write_text
from unhype.judges.embeddings import Embeddings
from unhype.judges.judge import Judge
from unhype.judges.remembering import remembering
from unhype.pictures.gallery import draw_gallery, save_picture
from unhype.pipeline import plots
from unhype.pipeline.job import Job
from unhype.pipeline.making import bare_album, read_curve
from unhype.progress import Progress
from unhype.prompts.stored import rows_hash
from unhype.prompts.tables import evaluation_table

if TYPE_CHECKING:
    from PIL import Image


class Examination:
    """One guard on one table of prompts.

    Attributes:
        table: the evaluation table.
        turns: class → the guard with its switch set to it alone; empty for people, and where nobody judges.
    """

    def __init__(
        self,
        job: Job,
        family: Family,
        guard: Guard,
        judge: Judge | None,
        development: bool = False,
        clip: Embeddings | None = None,
    ) -> None:
        self.job, self.family, self.guard, self.clip = job, family, guard, clip
        self.judge = remembering(judge) if judge else None  # every turn shows it the same bare pictures
        self.kind = job.concepts.sort
        self.table = evaluation_table(job.concepts, job.prompts, development) if development else job.evaluation_table
        self.bare = bare_album(job, family)
        self.turns: dict[str, Guard] = {}
        if judge and self.kind.in_turn and guard.switch and len(guard.switch.concepts) > 1:
            self.turns = {concept: Guard(guard.trained, [concept], guard.share) for concept in guard.switch.concepts}

    def draw(self, shard: Shard = WHOLE) -> Iterator[Progress]:
        """Draw what is missing, of a shard of every table."""
        for part, album, table in self._parts():
            yield from shards.draw(part, album, table, shard, self.bare if album is not self.bare else None)

    def look(self, shard: Shard = WHOLE) -> Iterator[Progress]:
        """Have a judge that remembers look at a shard; the pictures must be drawn. :meth:`scores` looks at the rest."""
        if self.judge is None:
            return
        for part, album, table in self._parts():
            blocks = shard.blocks(table)
            for done, rows in enumerate(blocks):
                yield Progress(f"{part}, judged", done, len(blocks))
                readings(self.judge, _pictures(album, rows))
            yield Progress(f"{part}, judged", len(blocks), len(blocks))

    def pictures(self, shard: Shard = WHOLE) -> list[Path]:
        """The files of a shard's pictures, each once."""
        return list(
            dict.fromkeys(
                album.path(prompt, int(seed))
                for _part, album, table in self._parts()
                for rows in shard.blocks(table)
                for prompt, seed in zip(rows["prompt"], rows["seed"], strict=True)
            )
        )

    def _parts(self) -> Iterator[tuple[str, Album, pd.DataFrame]]:
        """All that is drawn: for the bar, where the pictures go, and their rows."""
        yield "bare pictures", self.bare, self.table
        yield "guarded pictures", self._album(self.guard), self.table
        for concept, guard in self.turns.items():
            yield f"{concept} in turn", self._album(guard), self._turn(concept)

    def scores(self) -> dict[str, Any]:
        """Everything measured; the pictures must be drawn."""
        job, table = self.job, self.table
        groups = self._groups(table, self.guard)
        by_role = self.strengths
        scores: dict[str, Any] = {
            "concepts": job.concepts.name,
            "concepts_hash": job.concepts.content_hash(),
            "base": job.base.reference,
            "base_hash": job.base.hash,
            "guard": self.guard.trained.facts["sha256"],
            **({"judge": self.judge.name} if self.judge else {"judge": None, "unjudged": True}),
            "sampling": asdict(job.sampling),
            "prompts": {"training": job.tables_hash, "evaluation": rows_hash(table)},
            "split": str(table["split"].iloc[0]),
            "seeds": [int(table["seed"].min()), int(table["seed"].max())],
            "excluded": "nothing; Acc_e and Acc_g are shares of pictures with a face" if self.kind.faces else "nothing",
            "protocols": protocols(groups, self.kind.general),
            "roles": {role: score.told() for role, score in groups.items()},
            "strength": {
                role: {"mean": float(values.mean()), "std": float(values.std())} for role, values in by_role.items()
            },
            "switch_auc": {
                role: separation(by_role["forget"], values)
                for role, values in by_role.items()
                if role not in ("forget", "alias")
            },
        }
        if self.clip:
            stays = table[table["erased"] == ""]
            asked = list(stays["prompt"]), list(stays["seed"])
            told = asdict(compare_albums(self._album(self.guard), self.bare, *asked, self.clip, self.judge))
            scores["clip"] = self.clip.name
            scores["fidelity"] = {name: value for name, value in told.items() if value is not None}
        if self.turns:
            scores["in_turn"] = {concept: self._score_turn(concept, guard) for concept, guard in self.turns.items()}
            scores["H_o"] = float(np.mean([turn["H"] for turn in scores["in_turn"].values()]))
        return scores

    def write(self, scores: dict[str, Any]) -> None:
        """``scores.json`` and ``gallery.png`` of every role: beside the guard, and as the latest of its set and base.

        With the latest goes what DVC shows of it. No tracked file is among all these: what pages show is taken over
        by a person (``make figures``).
        """
        gallery = self.gallery(list(self.table["group"].unique()))
        for folder in (self.job.guard_folder, self.job.results_folder):
            write_text(folder / "scores.json", json.dumps(scores, indent=2) + "\n")
            save_picture(gallery, folder / "gallery.png")
        self.write_plots(scores)

    def write_plots(self, scores: dict[str, Any]) -> None:
        """What ``dvc metrics`` and ``dvc plots`` show, beside the latest scores; no picture is needed."""
        forget = self.table[self.table["group"] == "forget"]
        asked = {str(concept): len(rows) for concept, rows in forget.groupby("concept")}
        plots.write(self.job.results_folder, scores, read_curve(self.job), self.strengths, asked, self.kind.faces)

    def gallery(self, roles: Sequence[str]) -> Image.Image:
        """Prompts of these roles: the base above, guarded below, same seeds. The pictures must be drawn."""
        pictures: list[np.ndarray] = []
        words: list[str] = []
        columns = min(8, int(self.table.groupby("group").size().min()))
        for role in roles:
            rows = self.table[self.table["group"] == role]
            chosen = rows.iloc[:: max(1, len(rows) // columns)][:columns]
            asked = list(chosen["prompt"]), list(chosen["seed"])
            pictures += [*self.bare.read(*asked), *self._album(self.guard).read(*asked)]
            words += [f"{role}: {prompt}" for prompt in chosen["prompt"]] + ["guarded"] * len(chosen)
        return draw_gallery(pictures, words, columns)

    @cached_property
    def strengths(self) -> dict[str, np.ndarray]:
        """Role → ‖ΔW‖ of its prompts, in the order of the table: 0 where the switch is shut."""
        # As many at a time as are drawn at a time: the LoRAs of a whole table fill any memory.
        prompts, size = list(self.table["prompt"]), self.job.sampling.batch
        parts = [prompts[start : start + size] for start in range(0, len(prompts), size)]
        norms = np.concatenate([self.guard.strength(self.family, part).cpu().numpy() for part in parts])
        return {role: norms[(self.table["group"] == role).to_numpy()] for role in self.table["group"].unique()}

    def _turn(self, concept: str) -> pd.DataFrame:
        """The rows that matter when one concept alone is forgotten: the other classes must stay then."""
        mine, group = self.table["concept"] == concept, self.table["group"]
        rows = self.table[(group == "forget") | ((group == "alias") & mine)].copy()
        stays = (rows["group"] == "forget") & (rows["concept"] != concept)
        rows.loc[stays, "group"] = "retain"
        rows.loc[stays, "kept"] = rows.loc[stays, "concept"]
        rows.loc[stays, "erased"] = ""
        return rows

    def _score_turn(self, concept: str, guard: Guard) -> dict[str, float]:
        table = self._turn(concept)
        return {**protocols(self._groups(table, guard), self.kind.general)["papers"], "n": float(len(table))}

    def _groups(self, table: pd.DataFrame, guard: Guard) -> dict[str, GroupScore]:
        album = self._album(guard)
        moved = drifts(_pictures(album, table), _pictures(self.bare, table))
        judge = self.judge
        guarded, bare = (readings(judge, _pictures(of, table)) if judge else None for of in (album, self.bare))
        return score_groups(table, guarded, bare, moved, self.kind.faces, judge.known if judge else None)

    def _album(self, guard: Guard) -> Album:
        return Album(self.job.images_folder, Guarded(self.family, guard, self.job.sampling))


def _pictures(album: Album, rows: pd.DataFrame) -> Iterator[np.ndarray]:
    return album.batches(list(rows["prompt"]), list(rows["seed"]))
