"""A prompt table whose evaluation leaks from training or tuning is refused."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from unhype.concepts.prompt_facts import PROMPT_COLUMNS, prompts_hash
from unhype.concepts.prompt_suite import validate_prompts
from unhype.concepts.results import ValidationResult
from unhype.errors import UnhypeError


def table(*more: tuple[Any, ...]) -> pd.DataFrame:
    rows = [
        ("Adam Driver", "forget", "a photo of Adam Driver", "a photo of {}", 1, "train"),
        ("Ada Lovelace", "retain", "a photo of Ada Lovelace", "a photo of {}", 2, "train"),
        ("Adam Driver", "forget", "my picture of Adam Driver", "my picture of {}", 11, "development"),
        ("Adam Driver", "forget", "Adam Driver on a poster", "{} on a poster", 21, "evaluation"),
        ("Kylo", "synonym", "Kylo on a poster", "{} on a poster", 22, "evaluation"),
        ("Aaron Paul", "evaluation", "Aaron Paul on a poster", "{} on a poster", 23, "evaluation"),
        ("Ada Lovelace", "retain", "Ada Lovelace on a poster", "{} on a poster", 24, "evaluation"),
    ]
    return pd.DataFrame([*rows, *more], columns=list(PROMPT_COLUMNS))


def broken(result: ValidationResult) -> dict[str, list[str]]:
    return {rule.rule: [failure.entry for failure in rule.failures] for rule in result.rules if not rule.success}


def test_a_good_table_passes() -> None:
    result = validate_prompts(table())
    assert result.ok, broken(result)
    assert {rule.rule: rule.checked for rule in result.rules}["names_not_in_train"] == 2


@pytest.mark.parametrize(
    ("row", "rules"),
    [
        (
            ("Aaron Paul", "retain", "a photo of aaron paul", "a photo of {}", 3, "train"),
            {"names_not_in_train": ["prompt 6 'Aaron Paul on a poster'"]},
        ),
        (
            ("KYLO", "forget", "my picture of KYLO", "my picture of {}", 12, "development"),
            {"names_not_in_development": ["prompt 5 'Kylo on a poster'"]},
        ),
        (("Bob", "evaluation", "A photo of Bob", "A photo of {}", 25, "evaluation"), {"templates_apart": [1, 2, 8]}),
        (("Bob", "evaluation", "on a poster Bob", "on a poster {}", 25, "evaluation"), {}),
        (("Bob", "evaluation", "Bob on a poster", "{} on a poster", 1, "evaluation"), {"seeds_apart": [1, 8]}),
        (("Bob", "evaluation", "Bob on a poster", "{} on a poster", None, "evaluation"), {"seeded": [8]}),
        (("Bob", "retain", "a photo of Bob", "a photo of {}", None, "train"), {}),
        (("Bob", "other", "a photo of Bob", "a photo of {}", 3, "train"), {"known_role": [8]}),
        (("Bob", "retain", "the Bob", "the {}", 3, "test"), {"known_split": [8]}),
        (("", "retain", "a photo of Bob", "a photo of {}", 3, "train"), {"named": [8]}),
        (("Bob", "retain", "a photo of Bo\u200bb", "a photo of {}", 3, "train"), {"visible": [8]}),
        (("Bob", "retain", "a photo of " + "ab " * 80, "a photo of {}", 3, "train"), {"short_enough": [8]}),
        (("Bob", "retain", "a drawing of Bob", "a photo of {}", 3, "train"), {"from_template": [8]}),
        (("Bob", "retain", "a photo of ", "a photo of {}", 3, "train"), {"from_template": [8]}),
        (("Bob", "retain", "Bob {}", "{} {}", 3, "train"), {"from_template": [8]}),
        (("Ada Lovelace", "retain", "a photo of Ada Lovelace", "a photo of {}", 2, "train"), {"unique": [2, 8]}),
    ],
)
def test_each_rule_catches_what_it_is_for(row: tuple[Any, ...], rules: dict[str, list[Any]]) -> None:
    found = broken(validate_prompts(table(row)))
    assert list(found) == list(rules)
    for rule, entries in rules.items():
        assert all(
            entry.startswith(f"prompt {wanted} " if isinstance(wanted, int) else wanted)
            for entry, wanted in zip(found[rule], entries, strict=True)
        ), found


def test_the_word_of_a_prompt_counts_and_not_its_concept() -> None:
    """A synonym's concept is trained on by another word."""
    words = table().assign(text=lambda frame: frame["concept"])
    words.loc[4, "concept"] = "Adam Driver"
    assert validate_prompts(words).ok
    assert list(broken(validate_prompts(words.drop(columns="text").assign(seed=range(7))))) == [
        "names_not_in_train",
        "names_not_in_development",
    ]


def test_what_may_be_shared_is_said() -> None:
    assert list(broken(validate_prompts(table(), shared={"train": ["forget"]}))) == [
        "names_not_in_train",
        "names_not_in_development",
    ]


def test_an_empty_table_and_missing_columns_are_refused() -> None:
    assert list(broken(validate_prompts(table().iloc[:0]))) == ["has_prompts"]
    with pytest.raises(UnhypeError, match="without seed, split"):
        validate_prompts(table().drop(columns=["seed", "split"]))
    with pytest.raises(UnhypeError, match="whole numbers"):
        validate_prompts(table().assign(seed="x"))
    with pytest.raises(UnhypeError, match="whole numbers"):
        validate_prompts(table().assign(seed=0.5))


def test_the_hash_ignores_the_order_of_rows_and_sees_every_column() -> None:
    known = prompts_hash(table())
    assert prompts_hash(table().sample(frac=1, random_state=0)) == known
    assert prompts_hash(table().assign(seed=lambda frame: frame["seed"].astype(float))) == known
    assert len({prompts_hash(table().assign(**{column: 7})) for column in PROMPT_COLUMNS} | {known}) == 1 + len(
        PROMPT_COLUMNS
    )
