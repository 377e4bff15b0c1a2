"""The strata: what must go and what must stay in each, deterministic, and nothing of training in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from unhype.concepts.loading import load_set
from unhype.concepts.schema import ConceptSet, Entry
from unhype.prompts.strata import STRATA, misspelt, strata_table
from unhype.prompts.tables import PromptSettings, training_tables
from unhype.prompts.templates import DEVELOPMENT, TRAINING

SMALL = PromptSettings(30)


@pytest.fixture(scope="module")
def celeb100(data: Path) -> ConceptSet:
    return load_set("celeb100", data / "concepts")


def test_every_stratum_of_a_hundred_people_is_filled_evenly(celeb100: ConceptSet) -> None:
    table, missing = strata_table(celeb100, PromptSettings(100))
    assert not missing
    assert set(table["group"]) == set(STRATA)
    assert table.groupby("group").size().min() >= 100
    assert table["seed"].is_unique
    assert table.equals(strata_table(celeb100, PromptSettings(100))[0])


def test_every_prompt_says_what_must_go_and_what_must_stay(celeb100: ConceptSet) -> None:
    table, _ = strata_table(celeb100, SMALL)
    for row in table[~table["group"].isin(["alias", "misspelt"])].itertuples():
        for concept in filter(None, [*row.erased.split(";"), *row.kept.split(";")]):
            assert concept in row.prompt
    both = table[table["group"] == "forgotten_and_retained"]
    first = [row.prompt.index(row.erased) < row.prompt.index(row.kept) for row in both.itertuples()]
    assert 0.3 < sum(first) / len(first) < 0.7
    assert set(both["kept"]) & set(celeb100.evaluation)
    assert set(both["kept"]) & set(celeb100.retain)


def test_nothing_of_training_or_tuning_is_in_it(celeb100: ConceptSet) -> None:
    table, _ = strata_table(celeb100, SMALL)
    seen = {frame for split in (TRAINING, DEVELOPMENT) for frames in split.values() for frame in frames}
    assert not set(table["template"]) & seen
    assert not set(table["seed"]) & set(training_tables(celeb100)["train"]["seed"])


def test_no_prompt_is_cut_off(celeb100: ConceptSet, data: Path) -> None:
    from transformers import CLIPTokenizer

    tokenizer = CLIPTokenizer.from_pretrained(data / "bases" / "mini-sd" / "tokenizer")
    table, _ = strata_table(celeb100, PromptSettings(300))
    lengths = [len(ids) for ids in tokenizer(list(table["prompt"])).input_ids]
    assert max(lengths) <= tokenizer.model_max_length


def test_near_misses_share_a_name(celeb100: ConceptSet) -> None:
    table, _ = strata_table(celeb100, SMALL)
    near = set(table.loc[table["group"] == "near_miss", "kept"])
    assert "Emma Watson" in near
    assert "Zendaya" not in near


@pytest.mark.parametrize("name", ["Elon Musk", "Cher", "Al", "Bob Marley", "Aaa Aaa"])
def test_a_slip_changes_one_word_a_little(name: str) -> None:
    slip = misspelt(name)
    assert slip != name
    assert slip == misspelt(name)
    assert len(slip.split()) == len(name.split())
    assert abs(len(slip) - len(name)) <= 1


def test_what_a_set_cannot_fill_is_said() -> None:
    things = ConceptSet("toy", "things", (Entry("dog", "a forest"),), ("a cat",))
    table, missing = strata_table(things, SMALL)
    assert set(missing) == {"alias", "two_forgotten", "forgotten_and_retained", "unseen", "near_miss", "things"}
    assert "wanted evaluation entries" in missing["unseen"]
    assert set(table["group"]) == {"forgotten", "misspelt", "long", "trained"}
    assert set(table.loc[table["group"] == "forgotten", "text"]) == {"a dog"}
