"""What a validation found: rule by rule, each failing entry with what is wrong and what to do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

CRITICAL, WARNING = "critical", "warning"


def shortened(text: str, most: int = 60) -> str:
    """A text in quotes, what is invisible spelled out, cut off where a line would burst."""
    return repr(text if len(text) <= most else f"{text[: most - 1]}…")


@dataclass(frozen=True)
class Failure:
    """One entry that breaks a rule.

    Attributes:
        entry: which one, with its role and place: ``retain 3 'adam driver'``.
        detail: what is wrong with it.
        fix: what to do.
    """

    entry: str
    detail: str
    fix: str


@dataclass(frozen=True)
class RuleResult:
    """What one rule found.

    Attributes:
        severity: ``critical`` stops the pipeline, ``warning`` is only told.
        checked: how many rows the rule looked at.
        failures: the rows that break it; a rule about the whole table has one.
    """

    rule: str
    description: str
    severity: str
    success: bool
    checked: int
    failures: tuple[Failure, ...] = ()

    @property
    def verdict(self) -> str:
        """``pass``, ``warn`` or ``fail``."""
        return "pass" if self.success else "fail" if self.severity == CRITICAL else "warn"


@dataclass(frozen=True)
class ValidationResult:
    """What all rules found about one concept set or prompt table, tied to its content by a hash."""

    set_name: str
    content_hash: str
    rules: tuple[RuleResult, ...]

    @property
    def ok(self) -> bool:
        """Whether no critical rule failed; warnings do not count."""
        return not self.failed

    @property
    def failed(self) -> tuple[RuleResult, ...]:
        """The critical rules that failed."""
        return tuple(rule for rule in self.rules if rule.verdict == "fail")

    @property
    def warned(self) -> tuple[RuleResult, ...]:
        """The warning rules that failed."""
        return tuple(rule for rule in self.rules if rule.verdict == "warn")

    def first_error_line(self, file: Path | str) -> str:
        """One line for a person: the first critical failure's file, entry, rule and fix. Empty if there is none."""
        for rule in self.failed:
            failure = rule.failures[0]
            others = sum(len(other.failures) for other in self.failed) - 1
            more = f" (and {others} more)" if others else ""
            return f"got {failure.entry}: {failure.detail}, in {file}, rule {rule.rule}: {failure.fix}{more}"
        return ""

    def to_json(self) -> str:
        """The whole result, with verdicts, as JSON text."""
        rules = [{**asdict(rule), "verdict": rule.verdict} for rule in self.rules]
        return (
            json.dumps(
                {"set_name": self.set_name, "content_hash": self.content_hash, "ok": self.ok, "rules": rules},
                indent=2,
                ensure_ascii=False,
            )
            + "\n"
        )
