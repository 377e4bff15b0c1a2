"""Columns of facts beside each prompt of a table.

Its folded name and template, its length, how many splits share its template and seed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from unhype.concepts.facts import hidden
from unhype.concepts.folding import fold, key
from unhype.concepts.judging import ROW
from unhype.errors import UnhypeError

if TYPE_CHECKING:
    import pandas as pd

PROMPT_COLUMNS = ("concept", "role", "prompt", "template", "seed", "split")


def prompts_hash(table: pd.DataFrame) -> str:
    """SHA-256 of a table's rows, whatever their order."""
    columns = [
        _whole_seeds(table) if column == "seed" else table[column] for column in (*PROMPT_COLUMNS, *_optional(table))
    ]
    cells = [column.astype(object).where(column.notna(), None) for column in columns]
    lines = sorted(json.dumps(row, default=int) for row in zip(*cells, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def template_key(template: str) -> str:
    """A template, folded. The place of the subject counts: "{} on a poster" is another than "on a poster {}"."""
    return fold(template.replace("{}", " subject "))


def prompt_facts(table: pd.DataFrame, count_tokens: Callable[[str], int]) -> pd.DataFrame:
    """The table with columns of facts.

    Returns:
        :data:`PROMPT_COLUMNS` and ``row`` (its number), ``place`` where the table says it, ``name`` (the word that the
        prompt uses), ``key`` and ``template_key`` (folded), ``hidden``, ``tokens``, ``fits`` (1 if the prompt is its
        template filled in), ``template_splits`` and ``seed_splits`` (in how many splits they are).
    """
    frame = table[list(PROMPT_COLUMNS)].reset_index(drop=True)
    frame["name"] = list(table["text"] if "text" in table.columns else table["concept"])
    texts = frame[["concept", "name", "role", "prompt", "template", "split"]].fillna("").astype(str)
    frame[texts.columns] = texts
    frame["seed"] = _whole_seeds(frame)
    frame[ROW] = range(len(frame))
    if "place" in table.columns:
        frame["place"] = list(table["place"])
    frame["key"] = [key(text) for text in frame["name"]]
    frame["template_key"] = [template_key(text) for text in frame["template"]]
    frame["hidden"] = [hidden(text) for text in frame["prompt"]]
    frame["tokens"] = [count_tokens(text) for text in frame["prompt"]]
    frame["fits"] = [
        _fits(prompt, template) for prompt, template in zip(frame["prompt"], frame["template"], strict=True)
    ]
    for column, source in (("template_splits", "template_key"), ("seed_splits", "seed")):
        frame[column] = frame[source].map(frame.groupby(source)["split"].nunique()).fillna(1).astype("int64")
    return frame.astype({"tokens": "int64", "fits": "int64"})


def _optional(table: pd.DataFrame) -> tuple[str, ...]:
    return ("text",) if "text" in table.columns else ()


def _whole_seeds(table: pd.DataFrame) -> pd.Series:
    import pandas as pd

    try:
        return pd.to_numeric(table["seed"]).astype("Int64")
    except (TypeError, ValueError) as error:
        raise UnhypeError(
            f"got seeds that are not whole numbers in the prompt table ({error}): write whole numbers or leave them out"
        ) from error


def _fits(prompt: str, template: str) -> bool:
    before, place, after = template.partition("{}")
    filled = len(prompt) > len(before) + len(after)
    return bool(place) and "{}" not in after and filled and prompt.startswith(before) and prompt.endswith(after)
