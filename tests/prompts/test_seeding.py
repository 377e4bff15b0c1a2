"""A row keeps its seed: by its words, and beside others that fall on the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from unhype.concepts.loading import load_set
from unhype.prompts.seeding import Seeds, number
from unhype.prompts.tables import training_tables


def test_a_known_row_keeps_its_seed(data: Path) -> None:
    """Pictures that were drawn once are known by it."""
    table = training_tables(load_set("celeb100", data / "concepts"))["train"]
    assert table.set_index("prompt")["seed"]["a photo of Adam Driver"] == 14_604_705


def test_a_number_is_of_all_its_words() -> None:
    assert number("one", "two") == number("one\ntwo") != number("one two")
    assert 0 <= number("") < 2**64


@pytest.mark.parametrize("numbers", [(3, 3, 4, 3), (9, 9, 0, 19)])
def test_no_seed_is_given_twice(numbers: tuple[int, ...]) -> None:
    """Who comes later goes on to the next that is free, past the last to the first."""
    seeds = Seeds(100, 10)
    found = [seeds.of(each) for each in numbers]
    assert found == [100 + (numbers[0] + turn) % 10 for turn in range(4)]
