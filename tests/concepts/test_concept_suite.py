"""Each rule catches what it is for and lets a good set pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from unhype.concepts.facts import estimate_tokens, facts, hidden
from unhype.concepts.judging import Rule, judge
from unhype.concepts.kinds import PEOPLE
from unhype.concepts.results import Failure, ValidationResult
from unhype.concepts.schema import ConceptSet, Entry
from unhype.concepts.suite import set_rules, validate_set
from unhype.errors import UnhypeError

Spoil = Callable[[ConceptSet], ConceptSet]


def forgetting(*entries: Entry) -> Spoil:
    return lambda good: replace(good, forget=good.forget + entries)


def keeping(*texts: str) -> Spoil:
    return lambda good: replace(good, retain=good.retain + texts)


def evaluating(*texts: str) -> Spoil:
    return lambda good: replace(good, evaluation=good.evaluation + texts)


def broken(result: ValidationResult) -> dict[str, list[str]]:
    return {rule.rule: [failure.entry for failure in rule.failures] for rule in result.rules if not rule.success}


def test_a_good_set_passes_every_rule(good: ConceptSet) -> None:
    result = validate_set(good)
    assert result.ok
    assert not broken(result)
    assert result.first_error_line("x.yaml") == ""
    assert (result.set_name, result.content_hash) == ("good", good.content_hash())
    checked = {rule.rule: rule.checked for rule in result.rules}
    assert (checked["tidy"], checked["unique"], checked["not_forgotten"], checked["has_anchor"]) == (10, 8, 4, 2)


@pytest.mark.parametrize(
    ("spoil", "rule", "entries"),
    [
        (lambda good: replace(good, forget=()), "has_forget", ["the set"]),
        (lambda good: replace(good, retain=()), "has_retain", ["the set"]),
        (keeping(""), "not_empty", ["retain 4 ''"]),
        (forgetting(Entry("?!", "a man")), "not_empty", ["forget 3 '?!'"]),
        (keeping("Bob\x07"), "visible", ["retain 4 'Bob\\x07'"]),
        (
            forgetting(Entry("Bob", "a man", aliases=("Bo\u200bb by",))),
            "visible",
            ["alias 'Bo\\u200bb by' of forget 3 'Bob'"],
        ),
        (keeping(" Bob"), "tidy", ["retain 4 ' Bob'"]),
        (keeping("Beyonce\u0301"), "tidy", ["retain 4 'Beyonce\u0301'"]),
        (keeping("x" * 300), "short_enough", [f"retain 4 '{'x' * 59}…'"]),
        (keeping("ADA LOVELACE"), "unique", ["retain 1 'Ada Lovelace'", "retain 4 'ADA LOVELACE'"]),
        (forgetting(Entry("Adám Dríver", "a man")), "unique", ["forget 1 'Adam Driver'", "forget 3 'Adám Dríver'"]),
        (forgetting(Entry("Bob", "a man", ("bob",))), "unique", ["forget 3 'Bob'", "synonym 'bob' of forget 3 'Bob'"]),
        (
            forgetting(Entry("Bob", "a man", aliases=("a Driver",))),
            "unique",
            ["alias 'the Driver' of forget 1 'Adam Driver'", "alias 'a Driver' of forget 3 'Bob'"],
        ),
        (evaluating("Aaron-Paul"), "unique", ["evaluation 1 'Aaron Paul'", "evaluation 2 'Aaron-Paul'"]),
        (keeping("Аdam Driver"), "not_forgotten", ["retain 4 'Аdam Driver'"]),
        (keeping("a kylo"), "not_forgotten", ["retain 4 'a kylo'"]),
        (evaluating("Driver"), "not_forgotten", ["evaluation 2 'Driver'"]),
        (forgetting(Entry("Bob", "")), "has_anchor", ["forget 3 'Bob'"]),
        (forgetting(Entry("Bob", "the")), "anchor", []),
        (forgetting(Entry("Bob", "Emma Stone")), "anchor_not_forgotten", ["anchor 'Emma Stone' of forget 3 'Bob'"]),
        (forgetting(Entry("Bob", "bob")), "anchor_not_forgotten", ["anchor 'bob' of forget 3 'Bob'"]),
        (evaluating("ALAN TURING"), "evaluation_unseen", ["evaluation 2 'ALAN TURING'"]),
        (evaluating("woman"), "evaluation_unseen", ["evaluation 2 'woman'"]),
    ],
)
def test_each_rule_catches_what_it_is_for(spoil: Spoil, rule: str, entries: list[str], good: ConceptSet) -> None:
    result = validate_set(spoil(good))
    assert broken(result) == ({rule: entries} if entries else {})
    assert result.ok == (not entries)


def test_an_empty_set_is_refused_and_an_explicit_one_may_retain_nothing(good: ConceptSet) -> None:
    assert list(broken(validate_set(ConceptSet("empty", "people")))) == ["has_forget", "has_retain"]
    assert validate_set(replace(good, kind="explicit", retain=())).ok


def test_the_first_error_is_one_line_with_file_entry_rule_and_fix(good: ConceptSet) -> None:
    result = validate_set(replace(good, retain=("emma stone", "a kylo")))
    line = result.first_error_line("data/concepts/good.yaml")
    assert line == (
        "got retain 1 'emma stone': reads the same as forget 2 'Emma Stone', which is forgotten, "
        "in data/concepts/good.yaml, "
        "rule not_forgotten: remove it from one of the two (and 1 more)"
    )


def test_near_neighbours_are_warned_of_and_stop_nothing(good: ConceptSet) -> None:
    near = {
        ("Adam Driver", "Alan Turing"): 0.7,
        ("Kylo", "Alan Turing"): 0.95,
        ("Emma Stone", "Ada Lovelace"): 0.9,
        ("Emma Stone", "a man"): 0.2,
    }
    result = validate_set(good, similarities=near, similarity_limit=0.9)
    rule = result.rules[-1]
    assert (rule.rule, rule.severity, rule.verdict, rule.checked) == ("far_enough", "warning", "warn", 3)
    assert [(failure.entry, failure.detail) for failure in rule.failures] == [
        ("retain 3 'Alan Turing'", "has similarity 0.950 to 'Kylo', which is forgotten")
    ]
    assert result.ok
    assert not result.first_error_line("x")
    assert validate_set(good, similarities={}).rules[-1].checked == 0


@pytest.mark.parametrize(
    ("pair", "value", "word"),
    [(("Nobody", "a man"), 0.5, "'Nobody'"), (("Kylo", "a dog"), 0.5, "'a dog'"), (("Kylo", "a man"), 3.0, "3.0")],
)
def test_similarities_of_another_set_are_refused(
    pair: tuple[str, str], value: float, word: str, good: ConceptSet
) -> None:
    with pytest.raises(UnhypeError, match=word):
        validate_set(good, similarities={pair: value})


def test_json_tells_everything(good: ConceptSet) -> None:
    told = json.loads(validate_set(replace(good, retain=("Emma Stone",))).to_json())
    assert told["ok"] is False
    failed = [rule for rule in told["rules"] if rule["verdict"] == "fail"]
    assert [rule["rule"] for rule in failed] == ["not_forgotten"]
    assert failed[0]["failures"][0]["fix"] == "remove it from one of the two"


def test_great_expectations_is_the_judge_and_stays_quiet(good: ConceptSet, capfd: pytest.CaptureFixture[str]) -> None:
    frame = facts(good)
    names = [rule.name for rule in set_rules(frame, PEOPLE)]
    assert names == [result.rule for result in judge(frame, set_rules(frame, PEOPLE))]
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


def test_a_rule_that_cannot_be_evaluated_is_a_bug_and_no_verdict() -> None:
    rule = Rule(
        "wrong",
        "looks at a column that is not there",
        "ExpectColumnValuesToBeInSet",
        {"column": "zzz", "value_set": [1]},
        lambda row: Failure("", "", ""),
    )
    with pytest.raises(RuntimeError, match=r"wrong could not be evaluated.*zzz"):
        judge(pd.DataFrame({"row": [0]}), [rule])


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 2), ("a man", 4), ("Adam Driver", 6), ("1984", 6), ("R2-D2", 7), ("成龙", 8)]
)
def test_the_estimate_of_tokens_is_rather_high(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


def test_hidden_characters_are_named() -> None:
    assert hidden("a\u200bb\x07\u200b") == "ZERO WIDTH SPACE, U+0007"
    assert hidden("Beyoncé 成龙 – ok") == ""
