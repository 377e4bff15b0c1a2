"""Scores for somebody's own list of prompts.

Rows with a column ``type`` (erased or others) are scored by whether the pictures show their concept; rows without one
by what needs no concept: how far the pictures moved, what the judge finds in them, and, where they are at hand, by a
CLIP and by a detector of nudity. Where nobody judges, all rows are scored by what needs no judge.

Pictures stream from disk: a batch of each album is in memory, however long the list is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unhype.concepts.folding import fold
from unhype.eraser import Eraser
from unhype.errors import UnhypeError
from unhype.evaluation import shards
from unhype.evaluation.album import Album
from unhype.evaluation.columns import Line, read_lines
from unhype.evaluation.fidelity import compare_albums
from unhype.evaluation.looking import drifts, exposures, readings
from unhype.evaluation.naming import Names
from unhype.evaluation.scores import PROTOCOLS, accuracies, score_groups
from unhype.evaluation.shards import WHOLE, Shard
from unhype.judges.embeddings import Embeddings
from unhype.judges.judge import Judge, Seen
from unhype.judges.nudity import NudeNet
from unhype.pictures.seeds import read_seed
from unhype.progress import Progress, with_progress

ROLES = {"erased": PROTOCOLS["unseen"].erased, "others": PROTOCOLS["unseen"].kept}
"""What a list says in its column ``type`` → the role that is scored."""

NAMED = "named"
"""Role of rows with a concept that do not say whether it is erased."""

LISTED = "listed"
"""Role of rows with neither type nor concept."""


def read_prompts(
    path: Path,
    vocabulary: Mapping[str, str] | None,
    people: Collection[str] = (),
    columns: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """The list as rows with ``group``, ``erased``, ``kept``, ``prompt``, ``seed``; no concept in rows that name none.

    Without a column ``concept``, a row that has a type gets the concept that its prompt names.

    Args:
        vocabulary: words → the concept that a judge would call it; ``None`` where nobody judges: then a concept is what
            the list calls it, and a type needs none.
        people: those concepts that are people; in a prompt they go before things.
        columns: names of columns that go before the usual ones, see :func:`unhype.evaluation.columns.renamed`.

    Raises:
        UnhypeError: see :func:`unhype.evaluation.columns.read_lines`; or a bad row, with its line.
    """
    names = None if vocabulary is None else Names(vocabulary, people)
    lines = read_lines(path, columns)
    rows = []
    for line in lines:
        where = f"in line {line.number} of {path}"
        prompt, kind = line.values["prompt"], line.values.get("type")
        if not prompt.strip():
            raise UnhypeError(f"got an empty prompt {where}, wanted one to draw: take the line out")
        if kind is not None and fold(kind) not in ROLES:
            raise UnhypeError(
                f"got the type {kind!r} {where}, wanted erased or others; --columns type= leaves the column out"
            )
        concept = _concept(line, names, where)
        if kind is None:
            role = NAMED if concept else LISTED
        elif concept or names is None:
            role = ROLES[fold(kind)]
        else:
            raise UnhypeError(f"got {prompt!r} {where}, wanted a concept that the judge can tell: add a column concept")
        named, goes = concept or "", role == ROLES["erased"]
        seed = read_seed(line.values["seed"], f"the seed {where}")
        rows.append((role, named if goes else "", "" if goes else named, prompt, seed))
    if names:
        _one_side_each(lines, names, path)
    return pd.DataFrame(rows, columns=["group", "erased", "kept", "prompt", "seed"])


def _concept(line: Line, names: Names | None, where: str) -> str | None:
    """The concept of a row: its column's, else, if it has a type, its prompt's."""
    told = line.values.get("concept", "")
    if names is None:
        return told.strip() or None
    if told.strip():
        concept = names.called(told)
        if concept is None:
            raise UnhypeError(
                f"got the concept {told!r} {where}, wanted one that the judge can tell: {names.advice(told)}"
            )
        return concept
    spoken = names.spoken(line.values["prompt"]) if "type" in line.values else ()
    return spoken[0] if spoken else None


def _one_side_each(lines: Sequence[Line], names: Names, path: Path) -> None:
    """A prompt that is erased here and kept there must say which concept it means where."""
    sides: dict[str, Line] = {}
    for line in lines:
        prompt = line.values["prompt"]
        if "type" not in line.values or line.values.get("concept", "").strip():
            continue
        other = sides.setdefault(prompt, line)
        if fold(other.values["type"]) != fold(line.values["type"]):
            spoken = " and ".join(names.spoken(prompt)[:2])
            raise UnhypeError(
                f"got {prompt!r} as {other.values['type']} in line {other.number} and as {line.values['type']} in line "
                f"{line.number} of {path}, wanted to know what each means by {spoken}: add a column concept"
            )


@dataclass(frozen=True)
class Lookers:
    """Who looks at the pictures of a list; each is ``None`` where it is not at hand, or not asked.

    Attributes:
        judge: tells concepts.
        clip: for CMMD and CLIP's score of rows that are compared with the bare base's pictures.
        detector: for the nudity of rows without a concept.
    """

    judge: Judge | None = None
    clip: Embeddings | None = None
    detector: NudeNet | None = None


def draw_list(
    table: pd.DataFrame,
    eraser: Eraser,
    judge: Judge | None,
    images: Path,
    bare: Eraser | None = None,
    shard: Shard = WHOLE,
) -> Iterator[Progress]:
    """Draw what is missing of a shard: the eraser's pictures, and the bare base's where they are compared with."""
    own = _own(table, judge, images, bare)
    if own:
        yield from shards.draw(own.eraser.name, own, table, shard)
    yield from shards.draw(eraser.name, Album(images, eraser), table, shard, own)


def score_list(
    table: pd.DataFrame, eraser: Eraser, by: Lookers, images: Path, bare: Eraser | None = None
) -> dict[str, Any]:
    """Draw what is missing and score it; all shares are of n, accuracies of people with the share of faces beside them.

    Args:
        bare: the base without a guard; what no judge can tell alone is compared with its pictures: rows without a
            type, and without a judge all of them.
    """
    prompts, seeds, judge = list(table["prompt"]), list(table["seed"]), by.judge
    for _progress in with_progress(draw_list(table, eraser, judge, images, bare)):
        pass
    own, album = _own(table, judge, images, bare), Album(images, eraser)
    seen = readings(judge, album.batches(prompts, seeds)) if judge else None
    seen_before = readings(judge, own.batches(prompts, seeds)) if judge and own else seen
    moved = drifts(album.batches(prompts, seeds), own.batches(prompts, seeds)) if own else np.zeros(len(table))
    roles = score_groups(table, seen, seen_before, moved, faces=False, known=judge.known if judge else None)
    scores: dict[str, Any] = {
        "method": eraser.name,
        "eraser": eraser.identity,
        **({"judge": judge.name} if judge else {"judge": None, "unjudged": True}),
        **({"clip": by.clip.name} if by.clip and own else {}),
        "n": len(table),
        "excluded": "nothing",
        **accuracies(roles, PROTOCOLS["unseen"], general=False),
        "roles": {},
    }
    for kind, role in {**ROLES, NAMED: NAMED, LISTED: LISTED}.items():
        if role in roles:
            told = roles[role].told()
            sides = {"n_go", "n_stay", *(name for name in told if name.startswith("must_"))}
            unknown = set() if own else {"drift", "identical", *(name for name in told if name.endswith("_base"))}
            scores["roles"][kind] = {name: value for name, value in told.items() if name not in sides | unknown}
            if own and by.clip:
                rows = table[table["group"] == role]
                scores["roles"][kind] |= _fidelity(album, own, rows, by.clip)
    if LISTED in roles:
        mine = np.flatnonzero(table["group"] == LISTED)
        for name, album_of, found in (("", album, seen), ("_base", own, seen_before)):
            if album_of and found:
                scores[f"found{name}"] = _found([found[i] for i in mine])
            if album_of and by.detector:
                scores[f"nudity{name}"] = _nudity(by.detector, album_of, table.iloc[mine])
    return scores


def _own(table: pd.DataFrame, judge: Judge | None, images: Path, bare: Eraser | None) -> Album | None:
    """The bare base's pictures, where what is asked can't be told from the eraser's alone."""
    told_alone = judge is not None and table["group"].isin(ROLES.values()).all()
    return None if bare is None or told_alone else Album(images, bare)


def _fidelity(album: Album, bare: Album, rows: pd.DataFrame, clip: Embeddings) -> dict[str, float]:
    """CMMD and CLIP's score of these rows, guarded beside bare."""
    told = asdict(compare_albums(album, bare, list(rows["prompt"]), list(rows["seed"]), clip, None))
    return {name: value for name, value in told.items() if value is not None and name != "n"}


def _nudity(detector: NudeNet, album: Album, rows: pd.DataFrame) -> dict[str, Any]:
    """What the detector finds: exposed parts a picture, and the share of pictures with at least one."""
    found = exposures(detector, album.batches(list(rows["prompt"]), list(rows["seed"])))
    shares = {"detections": float(found.mean()), "exposed": float((found > 0).mean())}
    return {"detector": detector.name, "n": len(rows), **shares}


def _found(seen: Sequence[Seen]) -> dict[str, float]:
    """Concept → the share of pictures that show it, the commonest first."""
    counts = Counter(concept for picture in seen for concept in set(picture.concepts))
    return {concept: count / len(seen) for concept, count in counts.most_common()}
