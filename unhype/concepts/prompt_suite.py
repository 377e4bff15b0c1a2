"""The rules of a good prompt table: the evaluation shares no name, no template and no seed with training or tuning.

What training knows under its own label is the exception: the forgotten and the retained concepts are evaluated too, in
other templates and with other seeds. Synonyms, aliases and the evaluation's names are not: they must be unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from unhype.concepts.facts import estimate_tokens
from unhype.concepts.judging import ROW, Row, Rule, judge
from unhype.concepts.prompt_facts import PROMPT_COLUMNS, prompt_facts, prompts_hash
from unhype.concepts.results import Failure, ValidationResult, shortened
from unhype.concepts.schema import ROLES
from unhype.concepts.suite import carriable
from unhype.errors import UnhypeError

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("train", "development", "evaluation")

SHARED: Mapping[str, Sequence[str]] = {"train": ("forget", "retain"), "development": ("forget", "retain")}
"""Split → roles whose names may stand in it and in the evaluation too."""


def validate_prompts(
    table: pd.DataFrame,
    name: str = "prompts",
    count_tokens: Callable[[str], int] = estimate_tokens,
    shared: Mapping[str, Sequence[str]] = SHARED,
) -> ValidationResult:
    """Judge a prompt table by every rule.

    Args:
        table: columns :data:`PROMPT_COLUMNS`, and ``text`` where a prompt uses another word than its concept (a
            synonym), and ``place`` where failures should name a file and line; templates have one ``{}``; seeds may
            be missing outside the evaluation.
        name: what the result calls the table.
        count_tokens: text → tokens, both ends counted.
        shared: split → roles whose names may stand in it and in the evaluation.

    Raises:
        UnhypeError: a column is missing, or a seed is no whole number.
    """
    missing = [column for column in PROMPT_COLUMNS if column not in table.columns]
    if missing:
        raise UnhypeError(
            f"got a prompt table {name} without {', '.join(missing)}, "
            f"wanted the columns {', '.join(PROMPT_COLUMNS)}: add them"
        )
    frame = prompt_facts(table, count_tokens)
    return ValidationResult(name, prompts_hash(table), judge(frame, prompt_rules(frame, shared)))


def prompt_rules(frame: pd.DataFrame, shared: Mapping[str, Sequence[str]] = SHARED) -> tuple[Rule, ...]:
    """The rules for one table of facts."""

    def each(detail: Callable[[Row], str], fix: str) -> Callable[[Row], Failure]:
        return lambda row: Failure(
            f"{row.get('place') or f'prompt {row[ROW] + 1}'} {shortened(row['prompt'])}", detail(row), fix
        )

    def splits(column: str, row: Row) -> str:
        return " and ".join(sorted(set(frame.loc[frame[column] == row[column], "split"])))

    def known(column: str, values: Sequence[str]) -> Rule:
        listed = ", ".join(values)
        return Rule(
            f"known_{column}",
            f"every {column} is one of {listed}",
            "ExpectColumnValuesToBeInSet",
            {"column": column, "value_set": list(values)},
            each(lambda row: f"has the unknown {column} {row[column]!r}", f"use one of {listed}"),
        )

    def names_apart(split: str) -> Rule:
        allowed = shared.get(split, ())
        return Rule(
            f"names_not_in_{split}",
            f"no name of the evaluation is in {split}" + (f", but for {' and '.join(allowed)}" if allowed else ""),
            "ExpectColumnValuesToNotBeInSet",
            {"column": "key", "value_set": sorted(set(frame.loc[frame["split"] == split, "key"]) - {""})},
            each(
                lambda row: f"evaluates {shortened(row['name'])}, which is in {split} too",
                f"take the name out of {split}",
            ),
            {"split": ["evaluation"], "role": [role for role in ROLES if role not in allowed]},
        )

    return (
        Rule(
            "has_prompts",
            "the table has rows",
            "ExpectTableRowCountToBeBetween",
            {"min_value": 1},
            lambda row: Failure("the table", "has no rows", "make the prompts again"),
        ),
        known("role", ROLES),
        known("split", SPLITS),
        Rule(
            "named",
            "every prompt says whose it is",
            "ExpectColumnValueLengthsToBeBetween",
            {"column": "key", "min_value": 1},
            each(lambda row: "names nobody", "name its concept"),
        ),
        *carriable("prompt", each, "shorten its template or its concept"),
        Rule(
            "from_template",
            "every prompt is its template with the one {} filled in",
            "ExpectColumnValuesToBeInSet",
            {"column": "fits", "value_set": [1]},
            each(lambda row: f"does not come from {row['template']!r}", "make the prompts again"),
        ),
        Rule(
            "unique",
            "no prompt is there twice with the same seed",
            "ExpectCompoundColumnsToBeUnique",
            {"column_list": ["split", "prompt", "seed"]},
            each(
                lambda row: f"is there more than once with seed {row['seed']}",
                "keep one of them: doubled pictures inflate n",
            ),
        ),
        Rule(
            "seeded",
            "every prompt of the evaluation has a seed",
            "ExpectColumnValuesToNotBeNull",
            {"column": "seed"},
            each(lambda row: "has no seed", "give it one: before and after must be paired"),
            {"split": ["evaluation"]},
        ),
        names_apart("train"),
        names_apart("development"),
        Rule(
            "templates_apart",
            "no template is in two splits",
            "ExpectColumnValuesToBeBetween",
            {"column": "template_splits", "max_value": 1},
            each(
                lambda row: f"has the template {row['template']!r}, which is in {splits('template_key', row)}",
                "keep the template in one split",
            ),
        ),
        Rule(
            "seeds_apart",
            "no seed is in two splits",
            "ExpectColumnValuesToBeBetween",
            {"column": "seed_splits", "max_value": 1},
            each(
                lambda row: f"has the seed {row['seed']}, which is in {splits('seed', row)}",
                "give each split seeds of its own",
            ),
        ),
    )
