"""Prompts that are known beforehand, drawn by an eraser and by the bare base from the same seeds, and looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unhype.attacks import kept
from unhype.attacks.verdicts import drawn
from unhype.attacks.victim import Attacked
from unhype.eraser import Eraser
from unhype.evaluation.looking import drifts
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
    """Draw and look at each group of a table that was not looked at yet; see :func:`looked` and :func:`stayed`.

    What is looked for is whoever must go; in rows where nobody must, whoever must stay.
    """
    groups = list(table.groupby("group", sort=False))
    for done, (group, rows) in enumerate(groups):
        yield Progress("groups", done, len(groups), loss=0.0)
        path, of = _path(folder, str(group)), _of(victim, rows)
        if kept.read(path).get("of") != of:
            wanted = [
                frozenset(named(gone) or named(stays)) for gone, stays in zip(rows.erased, rows.kept, strict=True)
            ]
            pictures = {"guarded": draw(victim.eraser, rows), "bare": draw(victim.bare, rows)}
            told: dict[str, Any] = {"of": of, "texts": list(rows["text"])}
            for side, pixels in pictures.items():
                seen = victim.judge.read(pixels)
                told[side] = [not who.isdisjoint(one.concepts) for who, one in zip(wanted, seen, strict=True)]
            told["drift"] = drifts([pictures["guarded"]], [pictures["bare"]]).tolist()
            write_text(path, json.dumps(told, ensure_ascii=False) + "\n")
    yield Progress("groups", len(groups), len(groups), loss=0.0)


def looked(table: pd.DataFrame, folder: Path) -> dict[str, dict[str, Any]]:
    """Group → n, the shares of pictures that show any of what is forgotten, and the interval of the eraser's."""
    found = {}
    for group in table["group"].unique():
        told = kept.read(_path(folder, str(group)))
        n, guarded, bare = len(told["guarded"]), float(np.mean(told["guarded"])), float(np.mean(told["bare"]))
        example = told["texts"][0]
        found[str(group)] = {"n": n, "guarded": guarded, "bare": bare, "interval": wilson(guarded, n), "text": example}
    return found


def stayed(table: pd.DataFrame, folder: Path) -> dict[str, dict[str, Any]]:
    """The same of groups that must stay: the shares that show them; how far the pictures moved from the base's, 0…1;
    and the share of them that did not move at all."""
    found = looked(table, folder)
    for group, each in found.items():
        drift = np.array(kept.read(_path(folder, group))["drift"])
        each |= {"drift": float(drift.mean()), "untouched": float((drift == 0).mean())}
    return found


def _of(victim: Attacked, rows: pd.DataFrame) -> str:
    return f"{victim.eraser.identity[:16]} {victim.judge.name} {rows_hash(rows)[:16]}"


def _path(folder: Path, group: str) -> Path:
    return folder / f"{group.replace(' ', '-')}.json"
