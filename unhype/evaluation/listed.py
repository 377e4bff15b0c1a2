"""Scores for somebody's own list of prompts.

Rows with a column ``type`` (erased or others) are scored by whether the pictures show their concept; rows without one
by what needs no concept: how far the pictures moved, and what the judge finds in them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from unhype.concepts.folding import fold
from unhype.eraser import Eraser
from unhype.errors import UnhypeError
from unhype.evaluation.album import Album
from unhype.evaluation.columns import Line, read_lines
from unhype.evaluation.looking import drifts, readings
from unhype.evaluation.naming import Names
from unhype.evaluation.scores import PROTOCOLS, accuracies, score_groups
from unhype.judges.judge import Reader, Seen
from unhype.pictures.seeds import read_seed

ROLES = {"erased": PROTOCOLS["unseen"].erased, "others": PROTOCOLS["unseen"].kept}
"""What a list says in its column ``type`` → the role that is scored."""

NAMED = "named"
"""Role of rows with a concept that do not say whether it is erased."""

LISTED = "listed"
"""Role of rows with neither type nor concept."""


def read_prompts(
    path: Path,
    vocabulary: Mapping[str, str],
    people: Collection[str] = (),
    columns: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """The list as rows with ``group``, ``erased``, ``kept``, ``prompt``, ``seed``; no concept in rows that name none.

    Without a column ``concept``, a row that has a type gets the concept that its prompt names.

    Args:
        vocabulary: words → the concept that a judge would call it.
        people: those concepts that are people; in a prompt they go before things.
        columns: names of columns that go before the usual ones, see :func:`unhype.evaluation.columns.renamed`.

    Raises:
        UnhypeError: see :func:`unhype.evaluation.columns.read_lines`; or a bad row, with its line.
    """
    names, lines = Names(vocabulary, people), read_lines(path, columns)
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
        elif concept:
            role = ROLES[fold(kind)]
        else:
            raise UnhypeError(f"got {prompt!r} {where}, wanted a concept that the judge can tell: add a column concept")
        named, goes = concept or "", role == ROLES["erased"]
        seed = read_seed(line.values["seed"], f"the seed {where}")
        rows.append((role, named if goes else "", "" if goes else named, prompt, seed))
    _one_side_each(lines, names, path)
    return pd.DataFrame(rows, columns=["group", "erased", "kept", "prompt", "seed"])


def _concept(line: Line, names: Names, where: str) -> str | None:
    """The concept of a row: its column's, else, if it has a type, its prompt's."""
    told = line.values.get("concept", "")
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


def score_list(
    table: pd.DataFrame, eraser: Eraser, judge: Reader, images: Path, bare: Eraser | None = None
) -> dict[str, Any]:
    """Draw what is missing and score it; all shares are of n, accuracies of people with the share of faces beside them.

    Args:
        bare: the base without a guard; rows without a type are compared with its pictures.
    """
    prompts, seeds = list(table["prompt"]), list(table["seed"])
    own = None if bare is None or table["group"].isin(ROLES.values()).all() else Album(images, bare)
    if own:
        _draw(own, prompts, seeds)
    album = Album(images, eraser)
    _draw(album, prompts, seeds, own)
    seen = readings(judge, album.batches(prompts, seeds))
    seen_before = readings(judge, own.batches(prompts, seeds)) if own else seen
    moved = drifts(album.batches(prompts, seeds), own.batches(prompts, seeds)) if own else np.zeros(len(table))
    roles = score_groups(table, seen, seen_before, moved, faces=False)
    scores: dict[str, Any] = {
        "method": eraser.name,
        "eraser": eraser.identity,
        "judge": judge.name,
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
    if LISTED in roles:
        mine = np.flatnonzero(table["group"] == LISTED)
        scores["found"] = _found([seen[i] for i in mine])
        if own:
            scores["found_base"] = _found([seen_before[i] for i in mine])
    return scores


def _draw(album: Album, prompts: Sequence[str], seeds: Sequence[int], bare: Album | None = None) -> None:
    with tqdm(total=len(prompts), desc=album.eraser.name, unit="picture", dynamic_ncols=True) as bar:
        for done in album.draw(prompts, seeds, bare):
            bar.update(done - bar.n)


def _found(seen: Sequence[Seen]) -> dict[str, float]:
    """Concept → the share of pictures that show it, the commonest first."""
    counts = Counter(concept for picture in seen for concept in set(picture.concepts))
    return {concept: count / len(seen) for concept, count in counts.most_common()}
