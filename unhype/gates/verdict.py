"""The verdict on a guard: every gate, the comparison, and why not. The same evidence, the same digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from unhype.gates.absolute import Gate
from unhype.gates.paired import Difference, Regression
from unhype.gates.settings import GateSettings
from unhype.reports.attacked import NOT_ATTACKED
from unhype.reports.gates import difference_rows, gate_rows, regression_rows
from unhype.reports.tables import markdown

UNTRIED = f"{NOT_ATTACKED.capitalize()}."

SHOWN = 10
"""Regressions in a table; all of them are in the evidence."""


@dataclass(frozen=True)
class Verdict:
    """What was found.

    Attributes:
        guard: hash of the guard that was judged.
        concepts: set and its hash.
        judge: who looked; empty where nobody did.
        gates: absolute ones.
        champion: URI of the version it was compared with; empty where the model has no champion.
        differences, regressions: of that comparison.
        objections: what else speaks against it, a line each.
        notes: what a reader should know and what stands in nobody's way.
        attacks: what was attacked and how, a line each; none where nothing was.
    """

    guard: str
    concepts: str
    judge: str
    settings: GateSettings
    gates: tuple[Gate, ...]
    champion: str = ""
    differences: tuple[Difference, ...] = ()
    regressions: tuple[Regression, ...] = ()
    objections: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    attacks: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.reasons

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is rejected, a line each; none if it passed."""
        return tuple(self._reasons())

    def _reasons(self) -> Iterator[str]:
        yield from self.objections
        if not self.judge:
            yield "unjudged: nobody reads this base's pictures"
        for gate in self.gates:
            if not gate.passed:
                got = f"{gate.value:.4f} of {gate.n} pictures" if gate.value is not None else gate.status
                yield f"{gate.title}: got {got}, wanted {gate.wanted}{f' ({gate.why})' if gate.why else ''}"
        for one in self.differences:
            if not one.passed:
                yield (
                    f"{one.title}: {one.new:.4f} against the champion's {one.champion:.4f} of {one.n} pairs; it may be "
                    f"worse by {one.high:.4f}, wanted at most {self.settings.margin:g}"
                )

    def evidence(self) -> str:
        """Everything, as JSON with sorted keys."""
        told: dict[str, Any] = {
            **asdict(self),
            "passed": self.passed,
            "reasons": self.reasons,
        }
        return json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @property
    def digest(self) -> str:
        """SHA-256 of the evidence."""
        return hashlib.sha256(self.evidence().encode()).hexdigest()

    def markdown(self) -> str:
        """Tables and reasons, for pages and comments."""
        told = json.loads(self.evidence())
        parts = [f"**{'passed' if self.passed else 'rejected'}**, evidence `{self.digest[:12]}`"]
        if self.reasons:
            parts.append("\n".join(f"- {reason}" for reason in self.reasons))
        parts.append(markdown(gate_rows(told)))
        if self.champion:
            parts.append(f"Beside the champion {self.champion}, on the same prompts and seeds:")
            if self.differences:
                parts.append(markdown(difference_rows(told)))
            if self.regressions:
                parts.append("Worse than the champion, by concept:")
                parts.append(markdown(regression_rows(told, SHOWN)))
        else:
            parts.append("There is no champion to compare with.")
        parts.append("\n".join(["Attacked:", "", *(f"- {line}" for line in self.attacks)]) if self.attacks else UNTRIED)
        parts += [f"Note: {note}" for note in self.notes]
        return "\n\n".join(parts)
