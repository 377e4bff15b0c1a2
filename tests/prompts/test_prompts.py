"""Prompt tables: the same every time, every concept equally often, and training shares nothing that it must not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from unhype.concepts.schema import ConceptSet, Entry
from unhype.prompts.rows import COLUMNS, FIRST_SEED, SEEDS, named
from unhype.prompts.strata import strata_table
from unhype.prompts.tables import PromptSettings, evaluation_table, training_tables
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
    assert set(table.loc[table["group"] == "evaluation", "concept"]) == {"Adele"}
    assert not {"Adele", "Cherilyn", "the Artist"} & {text for part in trained.values() for text in part["text"]}
    assert (table.groupby("group").size() >= 40).all()
    assert (table.groupby(["group", "text"]).size().groupby("group").nunique() == 1).all()
    assert table["seed"].is_unique


def test_tuning_sees_neither_evaluation_names_nor_held_out_templates() -> None:
    table = evaluation_table(SET, PromptSettings(per_role=20), development=True)
    assert set(table["template"]) <= flat(DEVELOPMENT)
    assert set(table["group"]) == {"forget", "retain"}


def test_every_table_has_the_same_columns() -> None:
    settings = PromptSettings(per_role=4)
    strata, _ = strata_table(SET, settings)
    for table in (*training_tables(SET).values(), evaluation_table(SET, settings), strata):
        assert tuple(table.columns) == COLUMNS
        assert [row.prompt for row in table.itertuples()] == [
            row.template.format(row.text) for row in table.itertuples()
        ]
        assert [row.concept for row in table.itertuples()] == [
            (*named(row.erased), *named(row.kept))[0] for row in table.itertuples()
        ]


def test_a_row_says_what_must_go_and_what_must_stay() -> None:
    table = evaluation_table(SET, PromptSettings(per_role=1))
    asked = {row.text: (row.group, row.erased, row.kept) for row in table.itertuples()}
    assert asked == {
        "Cher": ("forget", "Cher", ""),
        "Prince": ("forget", "Prince", ""),
        "Elvis": ("retain", "", "Elvis"),
        "Madonna": ("retain", "", "Madonna"),
        "the Artist": ("alias", "Prince", ""),
        "Cherilyn": ("alias", "Cher", ""),
        "Adele": ("evaluation", "", "Adele"),
    }


def test_in_company_the_anchor_takes_the_place_of_the_forgotten_alone() -> None:
    rows = {row.text: (row.erased, row.kept, row.anchor) for row in training_tables(SET)["pairs"].itertuples()}
    assert rows["Cher and Prince"] == ("Cher;Prince", "", "a woman and a man")
    assert rows["Cher and Elvis"] == ("Cher", "Elvis", "a woman and Elvis")
    assert rows["Madonna and Cher"] == ("Cher", "Madonna", "Madonna and a woman")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_name_more_leaves_the_rows_of_the_others_as_they_were(place: int) -> None:
    """What is asked for again is drawn with the same words and seed, so its picture is there already."""
    more = replace(SET, forget=(*SET.forget[:place], Entry("Sting", "a man"), *SET.forget[place:]))
    settings = PromptSettings(12)
    before, after = ({**training_tables(each), "evaluation": evaluation_table(each, settings)} for each in (SET, more))
    for name in ("train", "retain", "evaluation"):
        old, new = (set(zip(tables[name]["prompt"], tables[name]["seed"], strict=True)) for tables in (before, after))
        # With more names each is asked for less often, but in the same sentences.
        gone = old - new
        assert not {prompt for prompt, _ in new - old if "Sting" not in prompt}
        assert {row.group for row in before[name].itertuples() if (row.prompt, row.seed) in gone} <= {"forget"}
        assert bool(gone) == (name == "evaluation")


def test_seeds_stay_in_their_split_and_differ() -> None:
    people = ConceptSet("many", "people", tuple(Entry(f"Name {i}", "a man") for i in range(300)), ("Elvis",))
    for name, first in (("train", FIRST_SEED["train"]), ("pairs", FIRST_SEED["train"])):
        seeds = training_tables(people)[name]["seed"]
        assert seeds.is_unique
        assert seeds.between(first, first + SEEDS - 1).all()


def test_same_set_same_bytes() -> None:
    assert evaluation_table(SET, PromptSettings()).to_csv() == evaluation_table(SET, PromptSettings()).to_csv()
