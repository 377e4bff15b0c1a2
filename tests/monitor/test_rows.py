"""What a monitor learns from: training's own names and sentences, as many who stay as who go."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest

from unhype.concepts.loading import load_set
from unhype.concepts.schema import ConceptSet, Entry
from unhype.monitor.rows import FIRST_SEED, PART, SEEDS, Amounts, table_for
from unhype.prompts.templates import TRAINING


@pytest.fixture(scope="module")
def celeb100(data: Path) -> ConceptSet:
    return load_set("celeb100", data / "concepts")


def test_a_row_shows_what_it_says(celeb100: ConceptSet) -> None:
    table, names = table_for(celeb100, Amounts()), {entry.concept for entry in celeb100.forget} | {*celeb100.retain}
    for prompt, shown in zip(table["prompt"], table["shown"], strict=True):
        said = {name for name in names if name in prompt}
        assert set(shown) <= said
        assert all(any(one != other and one in other for other in said) for one in said - set(shown))


def test_nobody_who_is_kept_for_the_evaluation_is_in_it(celeb100: ConceptSet) -> None:
    table = table_for(celeb100, Amounts())
    prompts = "\n".join([*table["prompt"], *table["other"]])
    assert not [name for name in celeb100.evaluation if name in prompts]


def test_its_sentences_are_trainings_and_its_seeds_its_own(celeb100: ConceptSet) -> None:
    table = table_for(celeb100, Amounts(2, 2, 2, 2))
    ends = {tuple(frame.split("{}")) for frame in chain.from_iterable(TRAINING.values())}
    assert all(any(p.startswith(one) and p.endswith(other) for one, other in ends) for p in table["prompt"])
    assert table["seed"].is_unique
    assert table["seed"].between(FIRST_SEED, FIRST_SEED + SEEDS).all()


def test_a_row_keeps_its_seed(celeb100: ConceptSet) -> None:
    """Which pictures a guard's monitor has learnt from is decided here, for good."""
    first = table_for(celeb100, Amounts()).iloc[0]
    assert (first["prompt"], first["seed"]) == ("a sketch of Albert Einstein and Harrison Ford", 17_667_959)


def test_between_two_texts_the_name_makes_way_and_the_company_stays(celeb100: ConceptSet) -> None:
    table = table_for(celeb100, Amounts())
    alone, between = (table[chosen] for chosen in (table["part"] == 1, table["part"] < 1))
    assert (alone["prompt"] == alone["other"]).all()
    assert (between["prompt"] != between["other"]).all()
    assert between["part"].between(*PART).all()
    assert between["shown"].map(len).mean() == pytest.approx(4 / 3, abs=0.05)
    for prompt, other, shown in zip(between["prompt"], between["other"], between["shown"], strict=True):
        assert all(name in prompt for name in shown)
        assert sum(name in other for name in shown) >= len(shown) - 1


def test_there_are_as_many_who_stay_as_who_go(celeb100: ConceptSet) -> None:
    forget = {entry.concept for entry in celeb100.forget}
    gone = table_for(celeb100, Amounts())["shown"].map(lambda shown: bool(forget & set(shown))).mean()
    assert 0.4 < gone < 0.6


def test_it_is_the_same_each_time_and_a_part_is_like_all(celeb100: ConceptSet) -> None:
    one, other = table_for(celeb100, Amounts()), table_for(celeb100, Amounts())
    assert one.equals(other)
    parts = [part["shown"].map(len).mean() for part in (one[:1000], one[-1000:])]
    assert parts[0] == pytest.approx(parts[1], abs=0.1)


def test_things_have_no_company_and_a_list_may_keep_nobody() -> None:
    things = ConceptSet("toy", "things", (Entry("dog", "cat"), Entry("ship", "car")), ("horse",))
    assert {len(shown) for shown in table_for(things, Amounts(2, 2, 2, 2))["shown"]} == {0, 1}
    alone = ConceptSet("toy", "people", (Entry("Cher", "a woman"),), ())
    assert set(table_for(alone, Amounts(2, 4, 2, 2))["shown"]) == {(), ("Cher",)}


@pytest.mark.parametrize("amounts", [(0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0)])
def test_none_is_no_amount(amounts: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="wanted at least 1 of each"):
        Amounts(*amounts)
