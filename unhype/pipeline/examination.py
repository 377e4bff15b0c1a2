"""A guard, examined: the evaluation table's pictures with and without it, what a judge sees, and a gallery to look at.

A set of things is also examined class by class, the way objects are compared in the papers: one class forgotten, the
nine others kept. It is one guard all the same, with its switch set to that class.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from unhype.erasing.guard import Guard
from unhype.erasing.guarded import Guarded
from unhype.evaluation.album import Album
from unhype.evaluation.fidelity import compare_albums
from unhype.evaluation.looking import drifts, readings
from unhype.evaluation.scores import GroupScore, protocols, score_groups, separation
from unhype.families.family import Family
from unhype.files import write_text
from unhype.judges.embeddings import Embeddings
from unhype.judges.judge import Judge, Seen
from unhype.pictures.gallery import draw_gallery, save_picture
from unhype.pipeline.job import Job
from unhype.pipeline.making import bare_album
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
        self.job, self.family, self.guard, self.judge, self.clip = job, family, guard, judge, clip
        self.kind = job.concepts.sort
        self.table = evaluation_table(job.concepts, job.prompts, development) if development else job.evaluation_table
        self.bare = bare_album(job, family)
        self._read: dict[Path, Seen] = {}
        self.turns: dict[str, Guard] = {}
        if judge and self.kind.in_turn and guard.switch and len(guard.switch.concepts) > 1:
            self.turns = {concept: Guard(guard.trained, [concept], guard.share) for concept in guard.switch.concepts}

    def draw(self) -> Iterator[Progress]:
        """Draw what is missing."""
        yield from self._draw("bare pictures", self.bare, self.table)
        yield from self._draw("guarded pictures", self._album(self.guard), self.table)
        for concept, guard in self.turns.items():
            yield from self._draw(f"{concept} in turn", self._album(guard), self._turn(concept))

    def scores(self) -> dict[str, Any]:
        """Everything measured; the pictures must be drawn."""
        job, table = self.job, self.table
        groups = self._groups(table, self.guard)
        strengths = self._strengths(list(table["prompt"]))
        by_role = {role: strengths[(table["group"] == role).to_numpy()] for role in groups}
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

        No tracked file is among them: what pages show is taken over by a person (``make figures``).
        """
        gallery = self.gallery(list(self.table["group"].unique()))
        for folder in (self.job.guard_folder, self.job.results_folder):
            write_text(folder / "scores.json", json.dumps(scores, indent=2) + "\n")
            save_picture(gallery, folder / "gallery.png")

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

    def _strengths(self, prompts: Sequence[str]) -> np.ndarray:
        """‖ΔW‖ of each, as many at a time as are drawn at a time: the LoRAs of a whole table fill any memory."""
        size = self.job.sampling.batch
        parts = [prompts[start : start + size] for start in range(0, len(prompts), size)]
        return np.concatenate([self.guard.strength(self.family, part).cpu().numpy() for part in parts])

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
        guarded = readings(self.judge, _pictures(album, table)) if self.judge else None
        known = self.judge.known if self.judge else None
        return score_groups(table, guarded, self._bare_readings(table), moved, self.kind.faces, known)

    def _bare_readings(self, table: pd.DataFrame) -> list[Seen] | None:
        """What the judge sees in bare pictures. Every turn asks for the same ones; each is looked at once."""
        if not self.judge:
            return None
        paths = [self.bare.path(prompt, int(seed)) for prompt, seed in zip(table["prompt"], table["seed"], strict=True)]
        new = [i for i, path in enumerate(paths) if path not in self._read]
        seen = readings(self.judge, _pictures(self.bare, table.iloc[new]))
        self._read |= {paths[i]: one for i, one in zip(new, seen, strict=True)}
        return [self._read[path] for path in paths]

    def _album(self, guard: Guard) -> Album:
        return Album(self.job.images_folder, Guarded(self.family, guard, self.job.sampling))

    def _draw(self, part: str, album: Album, table: pd.DataFrame) -> Iterator[Progress]:
        for done in album.draw(list(table["prompt"]), list(table["seed"]), self.bare):
            yield Progress(part, done, len(table))


def _pictures(album: Album, rows: pd.DataFrame) -> Iterator[np.ndarray]:
    return album.batches(list(rows["prompt"]), list(rows["seed"]))
