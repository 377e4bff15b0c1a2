"""Scores for somebody's own list of prompts: a CSV with the columns type, prompt and evaluation_seed.

The type is erased or others; a column ``concept`` is optional, and may name several concepts, joined by ``;``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from unhype.eraser import Eraser
from unhype.errors import UnhypeError
from unhype.evaluation.album import Album
from unhype.evaluation.looking import readings
from unhype.evaluation.scores import PROTOCOLS, accuracies, score_groups
from unhype.files import describe
from unhype.judges.judge import Reader

GROUPS = {"erased": PROTOCOLS["unseen"].erased, "others": PROTOCOLS["unseen"].kept}
"""Type in a list → group."""


def read_prompts(path: Path, vocabulary: Mapping[str, str]) -> pd.DataFrame:
    """The list as rows with ``group``, ``erased``, ``kept``, ``prompt``, ``seed``.

    Args:
        vocabulary: words → the concept that a judge would call it; where the file has no column ``concept``, the
            longest that stands in the prompt.

    Raises:
        UnhypeError: no such file, not a CSV, a missing column, or a bad row, with its number.
    """
    try:
        raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    except OSError as error:
        raise UnhypeError(describe(error, path)) from error
    except (ValueError, UnicodeDecodeError) as error:
        raise UnhypeError(
            f"got a malformed {path} ({' '.join(str(error).split())[:120]}), wanted a CSV with a header line"
        ) from error
    missing = [column for column in ("type", "prompt", "evaluation_seed") if column not in raw]
    if missing:
        raise UnhypeError(f"got {path} without the column {missing[0]}, wanted type, prompt and evaluation_seed")
    if raw.empty:
        raise UnhypeError(f"got {path} without a row, wanted at least one prompt")
    words = sorted(vocabulary, key=len, reverse=True)
    rows = []
    for line, row in enumerate(raw.to_dict("records"), start=2):
        if row["type"] not in GROUPS:
            raise UnhypeError(f"got the type {row['type']!r} in line {line} of {path}, wanted erased or others")
        if not row["evaluation_seed"].strip().isdigit():
            raise UnhypeError(
                f"got the evaluation_seed {row['evaluation_seed']!r} in line {line} of {path}, "
                "wanted a whole number from 0"
            )
        spoken = f" {' '.join(row['prompt'].lower().split())} "
        concept = row.get("concept") or next(
            (vocabulary[word] for word in words if f" {word.lower()} " in spoken), None
        )
        if concept is None:
            raise UnhypeError(
                f"got {row['prompt']!r} in line {line} of {path}, "
                "wanted a concept that the judge can tell: add a column concept"
            )
        goes = row["type"] == "erased"
        seed = int(row["evaluation_seed"])
        rows.append((GROUPS[row["type"]], concept if goes else "", "" if goes else concept, row["prompt"], seed))
    return pd.DataFrame(rows, columns=["group", "erased", "kept", "prompt", "seed"])


def score_list(table: pd.DataFrame, eraser: Eraser, judge: Reader | None, images: Path) -> dict[str, Any]:
    """Draw what is missing and score it; all accuracies are shares of n, those of people with a face beside them.

    Raises:
        UnhypeError: there is no judge: a list has no base pictures to be compared with, so nothing could be said.
    """
    if judge is None:
        raise UnhypeError("got no judge for this base, wanted one that tells what its pictures show: use another base")
    album = Album(images, eraser)
    prompts, seeds = list(table["prompt"]), list(table["seed"])
    with tqdm(total=len(table), desc=eraser.name, unit="picture", dynamic_ncols=True) as bar:
        for done in album.draw(prompts, seeds):
            bar.update(done - bar.n)
    seen = readings(judge, album.batches(prompts, seeds))
    groups = score_groups(table, seen, seen, np.zeros(len(table)), faces=False)
    told = ("group", "n", "shown", "face", "neutral")
    scores = {group: score.told() for group, score in groups.items()}
    return {
        "method": eraser.name,
        "eraser": eraser.identity,
        "judge": judge.name,
        "n": len(table),
        "excluded": "nothing",
        **accuracies(groups, PROTOCOLS["unseen"], faces=False),
        "roles": {kind: {key: scores[group][key] for key in told} for kind, group in GROUPS.items() if group in scores},
    }
