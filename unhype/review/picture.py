"""A small picture for a comment: the same prompts and seeds, by the base, by the new guard, by the champion."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pandas as pd
from PIL import Image

from unhype.pictures.gallery import draw_gallery

COLUMNS = {"forget": 4, "evaluation": 2}
"""Group of prompts → how many are shown."""

LARGEST = 60_000
"""Bytes of the PNG."""


def strip(
    table: pd.DataFrame, rows: pd.DataFrame, guards: Mapping[str, str], concerned: Collection[str]
) -> bytes | None:
    """The picture as a PNG; None where a picture is missing.

    Args:
        table: of the evaluation, columns of :mod:`unhype.prompts.rows`.
        rows: see :func:`unhype.review.drawn.listed`.
        guards: who → hash of the guard.
        concerned: concepts that are shown before others.
    """
    chosen = list(_chosen(table, concerned))
    found: list[str] = []
    words: list[str] = []
    for who, guard in {"base": "", **guards}.items():
        mine = rows[rows["guard"] == guard]
        if len(mine):  # with its switch set to one class a guard draws other pictures, but fewer
            mine = mine[mine["eraser"] == mine["eraser"].value_counts().index[0]]
        paths = dict(zip(zip(mine["prompt"], mine["seed"], strict=True), mine["path"], strict=True))
        if all((prompt, seed) in paths for prompt, seed in chosen):
            found += [paths[one] for one in chosen]
            words += [f"{who}: {prompt}" if who == "base" else who for prompt, _ in chosen]
    if not chosen or len(found) < 2 * len(chosen):
        return None
    pictures = []
    for path in found:
        with Image.open(path) as picture:
            pictures.append(np.asarray(picture.convert("RGB").resize((96, 96), Image.Resampling.LANCZOS)))
    return _small(draw_gallery(pictures, words, len(chosen), scale=1))


def _chosen(table: pd.DataFrame, concerned: Collection[str]) -> Iterator[tuple[str, str]]:
    for group, most in COLUMNS.items():
        rows = table[table["group"] == group].drop_duplicates("concept")
        first = rows["concept"].isin(list(concerned))
        for row in pd.concat([rows[first], rows[~first]]).head(most).to_dict("records"):
            yield str(row["prompt"]), str(row["seed"])


def _small(image: Image.Image) -> bytes:
    """With as many colours as :data:`LARGEST` allows."""
    for colours in (256, 128, 64, 32, 16, 8, 4):
        kept = io.BytesIO()
        image.quantize(colours).save(kept, format="PNG", optimize=True)
        if kept.tell() <= LARGEST:
            break
    return kept.getvalue()
