"""Scores for somebody's own list of prompts: a CSV with the columns ``type`` (erased or others), ``prompt``, ``evaluation_seed``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from unhype.eraser import Eraser
from unhype.errors import UnhypeError
from unhype.evaluation.album import Album
from unhype.evaluation.scores import harmonic, score_roles
from unhype.files import describe
from unhype.judges.judge import Reader

ROLES = {"erased": "forget", "others": "evaluation"}


def read_prompts(path: Path, vocabulary: Mapping[str, str]) -> pd.DataFrame:
    """The list as a table with ``role``, ``concept``, ``prompt``, ``seed``.

    Args:
        vocabulary: words → the concept that a judge would call it; where the file has no column ``concept``, the longest that stands in the prompt.

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
        if row["type"] not in ROLES:
            raise UnhypeError(f"got the type {row['type']!r} in line {line} of {path}, wanted erased or others")
        if not row["evaluation_seed"].strip().isdigit():
            raise UnhypeError(
                f"got the evaluation_seed {row['evaluation_seed']!r} in line {line} of {path}, wanted a whole number from 0"
            )
        spoken = f" {' '.join(row['prompt'].lower().split())} "
        concept = row.get("concept") or next(
            (vocabulary[word] for word in words if f" {word.lower()} " in spoken), None
        )
        if concept is None:
            raise UnhypeError(
                f"got {row['prompt']!r} in line {line} of {path}, wanted a concept that the judge can tell: add a column concept"
            )
        rows.append((ROLES[row["type"]], concept, row["prompt"], int(row["evaluation_seed"])))
    return pd.DataFrame(rows, columns=["role", "concept", "prompt", "seed"])


def score_list(table: pd.DataFrame, eraser: Eraser, judge: Reader, images: Path) -> dict[str, Any]:
    """Draw what is missing and score it; all accuracies are shares of n, those of people with a face beside them."""
    album = Album(images, eraser)
    prompts, seeds = list(table["prompt"]), list(table["seed"])
    with tqdm(total=len(table), desc=eraser.name, unit="picture", dynamic_ncols=True) as bar:
        for done in album.draw(prompts, seeds):
            bar.update(done - bar.n)
    pixels = album.read(prompts, seeds)
    seen = judge.read(pixels)
    roles = score_roles(table, seen, seen, pixels, pixels)
    scores: dict[str, Any] = {
        "method": eraser.name,
        "eraser": eraser.identity,
        "judge": judge.name,
        "n": len(table),
        "excluded": "nothing",
    }
    if "forget" in roles:
        scores["Acc_e"] = roles["forget"].shown
    if "evaluation" in roles:
        scores["Acc_s"] = roles["evaluation"].shown
    if len(roles) == 2:
        scores["H"] = harmonic(1 - scores["Acc_e"], scores["Acc_s"])
    kept = ("role", "n", "shown", "face", "neutral")
    scores["roles"] = {
        kind: {key: asdict(roles[role])[key] for key in kept} for kind, role in ROLES.items() if role in roles
    }
    return scores
