"""How many pictures a rerun drew, and how many lay there already: by the manifests before and after it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from unhype.evaluation.album import COLUMNS

KEY = ["eraser", "prompt", "seed"]


@dataclass(frozen=True)
class Drawn:
    """The pictures of one who draws.

    Attributes:
        who: the base, this version, the champion.
        asked: how many were needed.
        there: of them, how many lay there before.
        same: of them, how many are new and the base's own, to the bit: most were taken over, none looks otherwise.
        drawn: all others.
    """

    who: str
    asked: int
    there: int
    same: int
    drawn: int


def listed(folder: Path) -> pd.DataFrame:
    """All pictures below a folder that a manifest lists, with ``path``, where each lies."""
    tables = [
        pd.read_csv(path, dtype=str, keep_default_na=False).assign(folder=str(path.parent))
        for path in sorted(folder.glob("*/manifest.csv"))
    ]
    if not tables:
        return pd.DataFrame(columns=[*COLUMNS, "path"])
    rows = pd.concat(tables, ignore_index=True)
    return rows.assign(path=rows.pop("folder") + "/" + rows["file"])


def count(before: pd.DataFrame, after: pd.DataFrame, asked: pd.DataFrame, guards: dict[str, str]) -> list[Drawn]:
    """One line for everybody who drew.

    Args:
        before, after: see :func:`listed`.
        asked: prompts and seeds that the base drew for training; those of the evaluation and of the gates follow from
            what the first of ``guards`` drew.
        guards: who → hash of the guard: first this version, then the champion.
    """
    known = set(before[KEY].itertuples(index=False, name=None))
    after = after.assign(new=[row not in known for row in after[KEY].itertuples(index=False, name=None)])
    first = after[after["guard"] == next(iter(guards.values()))]
    examined = _pairs(first)
    base = _of_the_base(after, examined | _pairs(asked.astype(str)))
    theirs = dict(zip(zip(base["prompt"], base["seed"], strict=True), base["sha256"], strict=True))
    found = [_line("the base", base, {})]
    for who, guard in guards.items():
        rows = after[after["guard"] == guard]
        found.append(_line(who, rows[_among(rows, examined)], theirs))
    return [line for line in found if line.asked]


def _of_the_base(rows: pd.DataFrame, asked: Collection[tuple[str, str]]) -> pd.DataFrame:
    """What the base drew of that; of two ways to draw, such as before and after an edit of steps, the later."""
    bare = rows[rows["guard"] == ""]
    bare = bare[_among(bare, asked)]
    if bare.empty:
        return bare
    best = bare.groupby("eraser").agg(n=("file", "size"), new=("new", "sum")).sort_values(["n", "new"]).index[-1]
    return bare[bare["eraser"] == best]


def _line(who: str, rows: pd.DataFrame, base: dict[tuple[str, str], str]) -> Drawn:
    new = rows[rows["new"]]
    same = sum(
        base.get((prompt, seed)) == digest
        for prompt, seed, digest in zip(new["prompt"], new["seed"], new["sha256"], strict=True)
    )
    return Drawn(who, len(rows), len(rows) - len(new), same, len(new) - same)


def _pairs(rows: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(rows["prompt"], rows["seed"], strict=True))


def _among(rows: pd.DataFrame, pairs: Collection[tuple[str, str]]) -> list[bool]:
    return [pair in pairs for pair in zip(rows["prompt"], rows["seed"], strict=True)]
