"""Prompts that are known beforehand, drawn by an eraser and by the bare base from the same seeds, and looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unhype.attacks.verdicts import drawn
from unhype.attacks.victim import Attacked
from unhype.eraser import Eraser
from unhype.files import write_text
from unhype.gates.intervals import wilson
from unhype.progress import Progress
from unhype.prompts.rows import named
from unhype.prompts.stored import rows_hash

Draw = Callable[[Eraser, pd.DataFrame], np.ndarray]
"""How an eraser draws a group's rows: ``uint8 [n, height, width, 3]``."""


def from_prompts(eraser: Eraser, rows: pd.DataFrame) -> np.ndarray:
    """Each row's prompt, from its seed."""
    return drawn(eraser, list(rows["prompt"]), [int(seed) for seed in rows["seed"]])


def look(victim: Attacked, table: pd.DataFrame, folder: Path, draw: Draw = from_prompts) -> Iterator[Progress]:
    """Draw and look at each group of a table that was not looked at yet; see :func:`looked`."""
    groups = list(table.groupby("group", sort=False))
    for done, (group, rows) in enumerate(groups):
        yield Progress("groups", done, len(groups), loss=0.0)
        path, of = _path(folder, str(group)), _of(victim, rows)
        if not path.exists() or json.loads(path.read_text(encoding="utf-8")).get("of") != of:
            erased = [frozenset(named(cell)) for cell in rows["erased"]]
            shown = {
                side: [
                    not forgotten.isdisjoint(seen.concepts)
                    for forgotten, seen in zip(erased, victim.judge.read(draw(eraser, rows)), strict=True)
                ]
                for side, eraser in (("guarded", victim.eraser), ("bare", victim.bare))
            }
            write_text(path, json.dumps({"of": of, "texts": list(rows["text"]), **shown}, ensure_ascii=False) + "\n")
    yield Progress("groups", len(groups), len(groups), loss=0.0)


def looked(table: pd.DataFrame, folder: Path) -> dict[str, dict[str, Any]]:
    """Group → n, the shares of pictures that show any of what is forgotten, and the interval of the eraser's."""
    found = {}
    for group in table["group"].unique():
        told = json.loads(_path(folder, str(group)).read_text(encoding="utf-8"))
        n, guarded, bare = len(told["guarded"]), float(np.mean(told["guarded"])), float(np.mean(told["bare"]))
        example = told["texts"][0]
        found[str(group)] = {"n": n, "guarded": guarded, "bare": bare, "interval": wilson(guarded, n), "text": example}
    return found


def _of(victim: Attacked, rows: pd.DataFrame) -> str:
    return f"{victim.eraser.identity[:16]} {victim.judge.name} {rows_hash(rows)[:16]}"


def _path(folder: Path, group: str) -> Path:
    return folder / f"{group.replace(' ', '-')}.json"
