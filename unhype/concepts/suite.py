"""The rules of a good concept set, and their verdict.

They keep the two mistakes out that spoil a comparison: a text on both sides of a line (forgotten and retained, retained
and evaluated), and a text that no prompt could carry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from unhype.concepts.facts import FORGOTTEN, Similarities, estimate_tokens, facts
from unhype.concepts.judging import ROW, Row, Rule, judge, records
from unhype.concepts.kinds import Kind
from unhype.concepts.results import WARNING, Failure, ValidationResult, shortened
from unhype.concepts.schema import ConceptSet

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 77
"""CLIP reads this many tokens; the rest is cut off."""

NEAR = 0.9
"""Cosine above which a retained text counts as too near; a warning, since only a picture can tell."""


def validate_set(
    concept_set: ConceptSet,
    count_tokens: Callable[[str], int] = estimate_tokens,
    similarities: Similarities | None = None,
    similarity_limit: float = NEAR,
) -> ValidationResult:
    """Judge a concept set by every rule.

    Args:
        count_tokens: text → tokens, both ends counted; the tokeniser's own if there is one.
        similarities: if given, retained texts nearer than ``similarity_limit`` to a forgotten one are warned of.
    """
    frame = facts(concept_set, count_tokens, similarities)
    rules = set_rules(frame, concept_set.sort, None if similarities is None else similarity_limit)
    return ValidationResult(concept_set.name, concept_set.content_hash(), judge(frame, rules))


def set_rules(frame: pd.DataFrame, kind: Kind, similarity_limit: float | None = None) -> tuple[Rule, ...]:
    """The rules for one set's frame of facts; its own keys are what some of them compare with."""
    forgotten, seen = _first(frame, FORGOTTEN), _first(frame, ("retain", "anchor"))
    groups = _by_group(frame)

    def whole(detail: str, fix: str) -> Callable[[Row], Failure]:
        return lambda row: Failure("the set", detail, fix)

    def each(detail: Callable[[Row], str], fix: str) -> Callable[[Row], Failure]:
        return lambda row: Failure(_label(row), detail(row), fix)

    def twin(row: Row) -> str:
        others = (other for other in groups[row["group"], row["key"]] if other[ROW] != row[ROW])
        return f"reads the same as {_label(next(others))}"

    visible, short_enough = carriable("text", each, "shorten it")
    rules = [
        Rule(
            "has_forget",
            "at least one concept is to be forgotten",
            "ExpectTableRowCountToBeBetween",
            {"min_value": 1},
            whole("nothing to forget", "add an entry under forget"),
            {"role": ["forget"]},
        ),
        Rule(
            "has_retain",
            "at least one concept is retained, unless the content is explicit",
            "ExpectTableRowCountToBeBetween",
            {"min_value": 1 if kind.retains else 0},
            whole("nothing to retain", "add texts under retain that must stay as they are"),
            {"role": ["retain"]},
        ),
        Rule(
            "not_empty",
            "every text has a letter or a digit",
            "ExpectColumnValueLengthsToBeBetween",
            {"column": "key", "min_value": 1},
            each(lambda row: "has no letter and no digit", "write the name or delete the entry"),
        ),
        visible,
        Rule(
            "tidy",
            "no text has spaces to spare or letters in pieces",
            "ExpectColumnPairValuesToBeEqual",
            {"column_A": "text", "column_B": "tidy"},
            each(
                lambda row: "has spaces to spare or letters in pieces", "write it with single spaces, in Unicode's NFC"
            ),
        ),
        short_enough,
        Rule(
            "unique",
            "no two texts of forget with its synonyms and aliases, of retain, or of evaluation read the same",
            "ExpectCompoundColumnsToBeUnique",
            {"column_list": ["group", "key"]},
            each(twin, "keep one of them"),
            {"group": ["forget", "retain", "evaluation"]},
        ),
        Rule(
            "not_forgotten",
            "what is retained or evaluated is not also forgotten",
            "ExpectColumnValuesToNotBeInSet",
            {"column": "key", "value_set": list(forgotten)},
            each(
                lambda row: f"reads the same as {_label(forgotten[row['key']])}, which is forgotten",
                "remove it from one of the two",
            ),
            {"role": ["retain", "evaluation"]},
        ),
        Rule(
            "has_anchor",
            "every forgotten concept has an anchor",
            "ExpectColumnValueLengthsToBeBetween",
            {"column": "anchor_key", "min_value": 1},
            each(lambda row: "has no anchor", "say under anchor what is drawn instead"),
            {"role": ["forget"]},
        ),
        Rule(
            "anchor_not_forgotten",
            "no anchor is itself forgotten",
            "ExpectColumnValuesToNotBeInSet",
            {"column": "key", "value_set": list(forgotten)},
            each(
                lambda row: f"reads the same as {_label(forgotten[row['key']])}, which is forgotten",
                "choose an anchor that stays",
            ),
            {"role": ["anchor"]},
        ),
        Rule(
            "evaluation_unseen",
            "what is evaluated is neither retained nor an anchor: erasure never sees it",
            "ExpectColumnValuesToNotBeInSet",
            {"column": "key", "value_set": list(seen)},
            each(
                lambda row: f"reads the same as {_label(seen[row['key']])}, which training sees",
                "remove it from one of the two",
            ),
            {"role": ["evaluation"]},
        ),
    ]
    if similarity_limit is None:
        return tuple(rules)
    near = Rule(
        "far_enough",
        f"nothing retained is nearer than {similarity_limit:g} (cosine) to what is forgotten",
        "ExpectColumnValuesToBeBetween",
        {"column": "similarity", "max_value": similarity_limit},
        each(
            lambda row: f"has similarity {row['similarity']:.3f} to {shortened(row['nearest'])}, which is forgotten",
            "look at its pictures, or drop it",
        ),
        {"role": ["retain"]},
        WARNING,
    )
    return (*rules, near)


def carriable(
    what: str, each: Callable[[Callable[[Row], str], str], Callable[[Row], Failure]], shorten: str
) -> tuple[Rule, Rule]:
    """The two rules for whatever a model shall read, a text or a prompt: it hides nothing, and it is not cut off.

    Args:
        what: the noun for a row.
        each: (detail, fix) → how a failing row is put into words.
        shorten: the fix of a row that is too long.
    """
    visible = Rule(
        "visible",
        f"no {what} hides control or invisible characters",
        "ExpectColumnValueLengthsToBeBetween",
        {"column": "hidden", "max_value": 0},
        each(lambda row: f"hides {row['hidden']}", "type it again by hand"),
    )
    short_enough = Rule(
        "short_enough",
        f"no {what} is longer than {LONGEST} tokens",
        "ExpectColumnValuesToBeBetween",
        {"column": "tokens", "max_value": LONGEST},
        each(lambda row: f"is {row['tokens']} tokens long, wanted at most {LONGEST}", shorten),
    )
    return visible, short_enough


def _label(row: Row) -> str:
    number, text = row["position"] + 1, shortened(row["text"])
    if row["role"] in ("synonym", "alias", "anchor"):
        return f"{row['role']} {text} of forget {number} {shortened(row['concept'])}"
    return f"{row['role']} {number} {text}"


def _first(frame: pd.DataFrame, roles: tuple[str, ...]) -> dict[str, Row]:
    """Key → the first row of these roles that has it; empty keys have a rule of their own."""
    rows = frame[frame["role"].isin(roles) & (frame["key"] != "")].drop_duplicates("key")
    return {row["key"]: row for row in records(rows)}


def _by_group(frame: pd.DataFrame) -> dict[tuple[str, str], list[Row]]:
    """Group and key → all the rows that share them."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in records(frame):
        found.setdefault((row["group"], row["key"]), []).append(row)
    return found
