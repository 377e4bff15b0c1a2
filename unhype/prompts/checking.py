"""Whether prompt tables may be used: generated ones and edited ones go by the same rules.

The rules of every prompt table (:mod:`unhype.concepts.prompt_suite`) keep names, templates and seeds of the evaluation
out of training. Those here tie the rows to their list and to the project's templates: a row stands in the file of its
split, asks for concepts that the list has, and uses no template that is held for another split, even one that this
list's evaluation does not happen to use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from unhype.concepts.folding import key
from unhype.concepts.judging import ROW, Row, Rule, judge
from unhype.concepts.prompt_facts import template_key
from unhype.concepts.prompt_suite import validate_prompts
from unhype.concepts.results import Failure, ValidationResult, shortened
from unhype.errors import UnhypeError
from unhype.prompts.rows import named
from unhype.prompts.stored import Tables
from unhype.prompts.templates import DEVELOPMENT, HELD_OUT, TRAINING

if TYPE_CHECKING:
    from unhype.concepts.schema import ConceptSet

GROUPS: Mapping[str, tuple[str, ...]] = {
    "train": ("forget",),
    "retain": ("retain",),
    "pairs": ("forget",),
    "evaluation": ("forget", "retain", "alias", "evaluation"),
}
"""Table → the groups of its rows."""


def split_of(table: str) -> str:
    """The split that a table belongs to."""
    return "evaluation" if table == "evaluation" else "train"


def check_tables(concepts: ConceptSet, tables: Tables, folder: Path) -> ValidationResult:
    """Judge all tables of a set together.

    Args:
        folder: where they lie, for the error message.

    Raises:
        UnhypeError: a rule is broken; the message names file, line, rule and fix.
    """
    places = pd.Series(
        [f"{name}.csv line {line}" for name, table in tables.items() for line in range(2, len(table) + 2)], dtype=object
    )
    rows = pd.concat(tables.values(), ignore_index=True)
    shared = validate_prompts(rows.rename(columns={"group": "role"}).assign(place=places), concepts.name)
    own = judge(table_facts(concepts, tables, places), table_rules())
    result = ValidationResult(concepts.name, shared.content_hash, (*own, *shared.rules))
    if not result.ok:
        raise UnhypeError(result.first_error_line(folder))
    return result


def table_facts(concepts: ConceptSet, tables: Tables, places: pd.Series) -> pd.DataFrame:
    """All rows with columns of facts.

    Returns:
        ``row``, ``place``, ``prompt``, and pairs of what is there and what it should be: ``split``, ``concept``,
        ``prompt``, ``anchor_prompt`` each with ``wanted_…``; ``group_in`` (table and group); ``strangers``,
        ``withheld``, ``template_of``: what is wrong, in words, or empty.
    """
    known = {
        "erased": {entry.concept for entry in concepts.forget},
        "train": set(concepts.retain),
        "evaluation": {*concepts.retain, *concepts.evaluation},
    }
    heard = {key(text) for entry in concepts.forget for text in (*entry.synonyms, *entry.aliases)}
    heard |= {key(text) for text in concepts.evaluation}
    owners = _owners()
    facts = []
    for name, table in tables.items():
        split = split_of(name)
        for row in table.to_dict("records"):
            erased, kept = named(row["erased"]), named(row["kept"])
            owner = owners.get(template_key(row["template"]), split)
            facts.append(
                {
                    "prompt": row["prompt"],
                    "wanted_prompt": _filled(row["template"], row["text"]),
                    "split": row["split"],
                    "wanted_split": split,
                    "group_in": f"{name}: {row['group']}",
                    "concept": row["concept"],
                    "wanted_concept": (*erased, *kept, "")[0],
                    "strangers": ", ".join(
                        [text for text in erased if text not in known["erased"]]
                        + [text for text in kept if text not in known[split]]
                    ),
                    "withheld": row["text"] if split == "train" and key(row["text"]) in heard else "",
                    "template_of": "" if owner == split else owner,
                    "anchor_prompt": row["anchor_prompt"],
                    "wanted_anchor_prompt": _filled(row["template"], row["anchor"])
                    if name in ("train", "pairs")
                    else row["anchor_prompt"],
                }
            )
    frame = pd.DataFrame(facts).astype(object)
    return frame.assign(place=places, **{ROW: range(len(frame))})


def table_rules() -> tuple[Rule, ...]:
    """The rules that tie rows to their list, file and templates."""

    def each(detail: Callable[[Row], str], fix: str) -> Callable[[Row], Failure]:
        return lambda row: Failure(f"{row['place']} {shortened(row['prompt'])}", detail(row), fix)

    def same(name: str, description: str, column: str, detail: Callable[[Row], str], fix: str) -> Rule:
        pair = {"column_A": column, "column_B": f"wanted_{column}"}
        return Rule(name, description, "ExpectColumnPairValuesToBeEqual", pair, each(detail, fix))

    def none(name: str, description: str, column: str, detail: Callable[[Row], str], fix: str) -> Rule:
        nothing = {"column": column, "max_value": 0}
        return Rule(name, description, "ExpectColumnValueLengthsToBeBetween", nothing, each(detail, fix))

    groups = [f"{table}: {group}" for table, of_table in GROUPS.items() for group in of_table]
    return (
        same(
            "own_split",
            "every row is of the split that its file is for",
            "split",
            lambda row: f"is of the split {row['split']!r}",
            "write the split of this file, or move the row",
        ),
        Rule(
            "own_group",
            "every row has a group that its file is for",
            "ExpectColumnValuesToBeInSet",
            {"column": "group_in", "value_set": groups},
            each(lambda row: f"has the group {row['group_in']!r}", f"use one of {'; '.join(groups)}"),
        ),
        none(
            "concepts_of_the_list",
            "what is erased is forgotten by the list, what is kept is on it too",
            "strangers",
            lambda row: f"asks for {shortened(row['strangers'])}, which the list does not have there",
            "use the list's names, or put the name on the list",
        ),
        same(
            "whose",
            "every row's concept is the first that it erases or keeps",
            "concept",
            lambda row: f"says that it is of {shortened(row['concept'])}",
            "write the first of erased and kept there",
        ),
        none(
            "withheld",
            "training hears no synonym, no alias and no name of the evaluation",
            "withheld",
            lambda row: f"trains on {shortened(row['withheld'])}, which the evaluation asks for",
            "take the row out of training",
        ),
        none(
            "own_template",
            "no template is one that another split holds",
            "template_of",
            lambda row: f"has a template of the {row['template_of']} split",
            "use another sentence: figures would be of prompts that were trained on",
        ),
        same(
            "filled",
            "every prompt is its template with the text filled in",
            "prompt",
            lambda row: "is not its template with its text",
            "write template, text and prompt alike",
        ),
        same(
            "anchored",
            "every forgotten row of training has the same sentence with the anchor",
            "anchor_prompt",
            lambda row: f"has the anchor prompt {shortened(row['anchor_prompt'])}",
            "write the template with the anchor filled in there",
        ),
    )


def _owners() -> dict[str, str]:
    """Folded template → the split that holds it."""
    splits = {"train": TRAINING, "development": DEVELOPMENT, "evaluation": HELD_OUT}
    return {
        template_key(frame): split for split, styles in splits.items() for frame in chain.from_iterable(styles.values())
    }


def _filled(template: str, text: str) -> str:
    return template.replace("{}", text) if text and template.count("{}") == 1 else ""
