"""What a reviewer reads below a change: verdict first, then figures, the champion, the list, and what reran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from unhype.concepts.diff import SetDiff
from unhype.reports.gates import difference_rows, gate_rows, regression_rows
from unhype.reports.tables import provenance
from unhype.review.changes import Changes
from unhype.review.checking import Finding
from unhype.review.rerunning import FAILED, Outcome
from unhype.review.standing import Standing
from unhype.review.writing import fenced, folded, plain, table

MARK = "<!-- unhype: concept lists -->"
"""By this a comment is found again, to be edited rather than said twice."""

LARGEST = 60_000
"""Letters; GitHub takes 65 536."""

SHOWN = 50
"""Lines of findings, and of a list's changes."""

REGRESSIONS = 10


@dataclass
class Review:
    """All that is known of a change so far.

    Attributes:
        diffs: list → what it asks for otherwise; None for a list that is new.
        standings: list → its guards.
        trouble: why it stopped; empty where it did not.
        link: where pictures and reports can be fetched; empty for the folder of the comment.
    """

    changes: Changes | None = None
    findings: list[Finding] = field(default_factory=list)
    diffs: dict[str, SetDiff | None] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    standings: dict[str, list[Standing]] = field(default_factory=dict)
    trouble: str = ""
    link: str = ""

    def stopped(self) -> bool:
        """Whether something must be put right before anybody can tell how the guards stand."""
        return bool(
            self.trouble
            or any(finding.stops for finding in self.findings)
            or any(outcome.status == FAILED for outcome in self.outcomes)
        )

    def rejected(self) -> bool:
        """Whether the gates let a guard not pass."""
        return any(not one.evidence["passed"] for each in self.standings.values() for one in each)


def comment(review: Review) -> str:
    """The comment as Markdown, no longer than GitHub takes."""
    text = "\n\n".join([MARK, *_parts(review)]) + "\n"
    if len(text) <= LARGEST:
        return text
    return f"{text[:LARGEST].rpartition(chr(10))[0]}\n\n… cut off here: the rest is in the file with the reports.\n"


def _parts(review: Review) -> Iterator[str]:
    changes = review.changes
    yield f"## Concept lists: {_verdict(review)}"
    if changes:
        told = [f"**{plain(name)}** ({why})" for name, why in changes.why.items()]
        told += [f"**{plain(name)}** (gone)" for name in changes.gone]
        yield f"Against `{changes.commit[:12]}`: {', '.join(told) or 'no list has changed'}."
        for name, gone in changes.allowed.items():
            yield f"⚠ **{plain(name)}** no longer forgets {plain(', '.join(gone))}: accepted with this change."
    if review.trouble:
        yield f"✗ {plain(review.trouble)}"
    yield from _findings(review.findings)
    for name, standings in review.standings.items():
        for standing in standings:
            yield from _standing(name, standing, review.link)
    yield from _changes_of_lists(review)
    yield from _reran(review)
    if review.link:
        yield f"Erasure reports, tables and pictures: [the artifacts of this run]({review.link})."


def _verdict(review: Review) -> str:
    if review.trouble:
        return "✗ not reviewed"
    if any(finding.stops for finding in review.findings):
        return "✗ not valid, nothing was trained"
    if review.stopped():
        return "✗ a stage failed"
    if not review.standings:
        return "nothing to judge"
    return "✗ rejected by the gates" if review.rejected() else "✓ passed"


def _findings(findings: list[Finding]) -> Iterator[str]:
    for stops, title in ((True, "### To be put right"), (False, "### Warnings")):
        found = [finding for finding in findings if finding.stops == stops]
        if not found:
            continue
        lines = [f"- {plain(one.line)}" for one in found[:SHOWN]]
        if len(found) > SHOWN:
            lines.append(f"- and {len(found) - SHOWN} more, all in the report of the list")
        told = "\n".join(lines)
        yield (
            f"{title}\n\n{told}" if stops else folded(f"{len(found)} warnings" if len(found) > 1 else "1 warning", told)
        )


def _standing(name: str, one: Standing, link: str) -> Iterator[str]:
    evidence = one.evidence
    passed = evidence["passed"]
    yield f"### {'✓' if passed else '✗'} {plain(name)} on {plain(one.base)}: {_version(one)}"
    if one.picture:
        yield f"![The same prompts and seeds, row by row: base, this version, champion]({one.picture.name})"
    if evidence["reasons"]:
        yield "\n".join(f"- {plain(reason)}" for reason in evidence["reasons"])
    yield _headline(one)
    if evidence["champion"]:
        if evidence["differences"]:
            yield f"Beside the champion `{evidence['champion']}`, on the same prompts and seeds:"
            yield table(difference_rows(evidence))
            if evidence["regressions"]:
                yield "Worse than the champion, by concept:"
                yield table(regression_rows(evidence, REGRESSIONS))
            else:
                yield "With no concept is it worse than the champion."
    else:
        yield f"There is no champion to compare with: {plain(one.alone)}."
    header, rows = gate_rows(evidence)
    asked = header, [row for row, gate in zip(rows, evidence["gates"], strict=True) if gate["status"] != "not asked"]
    yield folded("Every gate, with n and 95 % intervals", table(asked))
    yield from (f"Note: {plain(note)}" for note in (*one.notes, *evidence["notes"]))
    yield table(
        (
            ("pictures of", "needed", "there already", "new, the same as the base's", "drawn"),
            [[line.who, *map(str, (line.asked, line.there, line.same, line.drawn))] for line in one.drawn],
        )
    )
    report = (
        f"Erasure report: {f'[{one.report.name}]({one.report.name})' if not link else f'`{one.report.name}`'}. "
        if one.report
        else ""
    )
    yield f"<sub>{report}{plain(provenance(one.scores))}</sub>"


def _version(one: Standing) -> str:
    if one.version is None:
        return "not registered"
    aliases = " and ".join(f"@{alias}" for alias in one.version.aliases)
    return f"`{one.version.uri}`, {f'`{aliases}`' if aliases else 'no alias'}"


def _headline(one: Standing) -> str:
    """The papers' figures with n and intervals, the champion's beside them."""
    gates = {gate["name"]: gate for gate in one.evidence["gates"]}
    rows = []
    for title, gate, figure in (
        ("Acc_e ↓ forgotten, still shown", "forgotten", "Acc_e"),
        ("Acc_g ↓ by alias, still shown", "aliases", "Acc_g"),
        ("Acc_s ↑ never heard of, shown", None, "Acc_s"),
        ("H ↑", None, "H"),
    ):
        values = [_unseen(scores, figure) for scores in (one.scores, one.champion_scores)]
        base = _unseen(one.scores, f"{figure}_base")
        if values[0] is None:
            continue
        around = gates[gate]["interval"] if gate and gates.get(gate, {}).get("interval") else None
        n = gates[gate]["n"] if gate and gates.get(gate, {}).get("n") else _n(one.scores, figure)
        told = f"{values[0]:.4f}" + (f" ({around[0]:.3f}–{around[1]:.3f})" if around else "")
        rows.append([title, told, _number(values[1]), _number(base), str(n or "–")])
    return table((("figure", "this version (95 %)", "champion, on its own list", "base", "n"), rows))


def _unseen(scores: Mapping[str, Any], figure: str) -> float | None:
    found = scores.get("protocols", {}).get("unseen", {}).get(figure)
    return None if found is None else float(found)


def _n(scores: Mapping[str, Any], figure: str) -> int:
    return int(scores["roles"].get("evaluation", {}).get("n", 0)) if figure == "Acc_s" else 0


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _changes_of_lists(review: Review) -> Iterator[str]:
    for name, diff in review.diffs.items():
        if diff is None:
            yield f"`{name}` is new."
        elif not diff:
            yield f"What `{name}` asks for has not changed."
        else:
            counts = f"{len(diff.added)} added, {len(diff.removed)} removed, {len(diff.changed)} changed"
            lines = [f"!{line[1:]}" if line[0] == "~" else line for line in diff.lines()]
            more = [f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
            yield f"#### List {plain(name)}: {counts}\n\n{fenced([*lines[:SHOWN], *more], 'diff')}"


def _reran(review: Review) -> Iterator[str]:
    if not review.outcomes:
        return
    rows = [[f"`{one.stage}`", one.status, f"{one.seconds:.0f} s" if one.seconds else ""] for one in review.outcomes]
    yield f"#### What reran\n\n{table((('stage', 'outcome', 'time'), rows))}"
    for one in review.outcomes:
        if one.status == FAILED:
            yield f"The last lines of `{one.stage}`:\n\n{fenced(one.tail.splitlines(), 'text')}"
