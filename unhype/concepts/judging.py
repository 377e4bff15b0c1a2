"""Rules as data, judged by Great Expectations: it decides which rows fail, a rule only puts them into words.

A rule names one built-in expectation over a column of facts (a folded text, a token count), the rows it looks at, and
how to explain a failing row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from unhype.concepts.results import CRITICAL, Failure, RuleResult

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any]

ROW = "row"
"""The column that counts the rows; every judged frame has it."""

FORMAT = {"result_format": "COMPLETE", "unexpected_index_column_names": [ROW], "include_unexpected_rows": False}
"""How Great Expectations shall answer: with the number of every failing row."""


@dataclass(frozen=True)
class Rule:
    """One thing that must hold.

    Attributes:
        name: short and stable; errors and reports cite it.
        description: the rule in words, as something that holds.
        expectation: the class in ``great_expectations.expectations``.
        arguments: what that class is built with.
        explain: a failing row → words for a person. A rule about the whole table gets an empty row.
        where: column → the values that a row must have to be looked at.
        severity: ``critical`` or ``warning``.
    """

    name: str
    description: str
    expectation: str
    arguments: Mapping[str, Any]
    explain: Callable[[Row], Failure]
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    severity: str = CRITICAL


def judge(frame: pd.DataFrame, rules: Sequence[Rule]) -> tuple[RuleResult, ...]:
    """Validate a frame against the rules, in an ephemeral context; results come in the order of the rules.

    Raises:
        RuntimeError: Great Expectations could not evaluate a rule: a bug in the rule, neither a pass nor a fail.
    """
    import great_expectations as gx

    suite = gx.ExpectationSuite("rules", [expectation(rule) for rule in rules])
    _, definition = quiet_context()
    judged = definition.get_batch({"dataframe": frame}).validate(suite, result_format=FORMAT)
    # Results come grouped by column, so they are found again by name.
    found = {result.expectation_config.meta["rule"]: result for result in judged.results}
    return tuple(_result(rule, found[rule.name], frame) for rule in rules)


def quiet_context() -> tuple[Any, Any]:
    """A context of Great Expectations that lives in memory and draws no bars, and its batch that is one whole frame."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return context, context.data_sources.add_pandas("memory").add_dataframe_asset(
        "table"
    ).add_batch_definition_whole_dataframe("whole")


def records(frame: pd.DataFrame) -> list[Row]:
    """The rows of a frame, each by column."""
    return [{str(column): value for column, value in row.items()} for row in frame.to_dict("records")]


def expectation(rule: Rule) -> Any:
    """The rule as an expectation of Great Expectations, for a suite."""
    import great_expectations.expectations as gxe
    from great_expectations.expectations.row_conditions import Column

    conditions = [Column(column).is_in(list(values)) for column, values in rule.where.items()]
    condition = {"row_condition": reduce(and_, conditions)} if conditions else {}
    kind = getattr(gxe, rule.expectation)
    return kind(
        **rule.arguments, **condition, severity=rule.severity, description=rule.description, meta={"rule": rule.name}
    )


def _result(rule: Rule, judged: Any, frame: pd.DataFrame) -> RuleResult:
    # One exception comes as a flat dictionary, several as one for each metric.
    told = judged.exception_info or {}
    for info in (told, *(part for part in told.values() if isinstance(part, dict))):
        if info.get("raised_exception"):
            raise RuntimeError(f"the rule {rule.name} could not be evaluated: {info.get('exception_message')}")
    facts = judged.result
    if "element_count" not in facts:
        whole = () if judged.success else (rule.explain({}),)
        return RuleResult(
            rule.name, rule.description, rule.severity, bool(judged.success), int(facts["observed_value"]), whole
        )
    rows = sorted({int(place[ROW]) for place in facts.get("unexpected_index_list") or ()})
    assert bool(judged.success) == (not rows), rule.name
    failures = tuple(rule.explain(row) for row in records(frame[frame[ROW].isin(rows)]))
    checked = int(facts["element_count"]) - int(facts.get("missing_count") or 0)
    return RuleResult(rule.name, rule.description, rule.severity, bool(judged.success), checked, failures)
