"""Prompt tables: the same every time, every concept equally often, and nothing shared between training and evaluation that must not be."""

from __future__ import annotations

from unhype.concepts.schema import ConceptSet, Entry
from unhype.prompts.tables import COLUMNS, PromptSettings, evaluation_table, training_tables
from unhype.prompts.templates import DEVELOPMENT, HELD_OUT, TRAINING

SET = ConceptSet(
    "toy",
    "people",
    (Entry("Cher", "a woman", aliases=("Cherilyn",)), Entry("Prince", "a man", synonyms=("the Artist",))),
    ("Elvis", "Madonna"),
    ("Adele",),
)


def flat(templates: dict[str, tuple[str, ...]]) -> set[str]:
    return {template for frames in templates.values() for template in frames}


def test_training_crosses_concepts_with_training_templates() -> None:
    tables = training_tables(SET)
    assert len(tables["train"]) == 2 * len(flat(TRAINING))
    assert set(tables["train"]["template"]) == flat(TRAINING)
    assert set(tables["retain"]["concept"]) == {"Elvis", "Madonna"}
    row = tables["train"].iloc[0]
    assert (row["prompt"], row["anchor_prompt"]) == (row["template"].format("Cher"), row["template"].format("a woman"))
    assert tuple(tables["train"].columns) == COLUMNS


def test_evaluation_is_held_out_by_template_name_and_seed() -> None:
    table, trained = evaluation_table(SET, PromptSettings(per_role=40)), training_tables(SET)
    assert set(table["template"]) <= flat(HELD_OUT)
    assert not set(table["template"]) & flat(TRAINING)
    assert not set(table["seed"]) & {seed for part in trained.values() for seed in part["seed"]}
    assert set(table.loc[table["role"] == "evaluation", "concept"]) == {"Adele"}
    assert not {"Adele", "Cherilyn", "the Artist"} & {text for part in trained.values() for text in part["text"]}
    assert (table.groupby("role").size() >= 40).all()
    assert (table.groupby(["role", "text"]).size().groupby("role").nunique() == 1).all()
    assert table["seed"].is_unique


def test_tuning_sees_neither_evaluation_names_nor_held_out_templates() -> None:
    table = evaluation_table(SET, PromptSettings(per_role=20), development=True)
    assert set(table["template"]) <= flat(DEVELOPMENT)
    assert set(table["role"]) == {"forget", "retain"}


def test_same_set_same_bytes() -> None:
    assert evaluation_table(SET, PromptSettings()).to_csv() == evaluation_table(SET, PromptSettings()).to_csv()
