"""A validation as one HTML page that needs nothing else, light and dark: one look says whether it holds."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from unhype.concepts.results import RuleResult, ValidationResult
from unhype.concepts.schema import ROLES, ConceptSet
from unhype.files import write_text

if TYPE_CHECKING:
    import pandas as pd

MOST = 200
"""A rule's table stops after this many failures and counts the rest."""

WORDS = {"pass": "✓ pass", "warn": "! warning", "fail": "✗ fail"}

STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6575; --paper: #f6f7f9; --card: #fff; --line: #dde1e8;
  --pass: #19703c; --pass-bg: #e2f4e8; --warn: #8a5300; --warn-bg: #fdf0d5; --fail: #a8201a; --fail-bg: #fde4e2; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e7eaf0; --soft: #9aa4b4; --paper: #14171d; --card: #1c2029; --line: #313846;
  --pass: #7fdca0; --pass-bg: #17341f; --warn: #f3c878; --warn-bg: #3a2c10; --fail: #ff9d95; --fail-bg: #431b19; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 32px 24px 48px; max-width: 1000px; color: var(--ink); background: var(--paper);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { margin: 0; font-size: 28px; } h2 { margin: 32px 0 12px; font-size: 18px; }
.top { display: flex; flex-wrap: wrap; gap: 12px 16px; align-items: center; }
.chip { padding: 2px 10px; border-radius: 99px; font-weight: 600; white-space: nowrap; }
.pass { color: var(--pass); background: var(--pass-bg); } .warn { color: var(--warn); background: var(--warn-bg); }
.fail { color: var(--fail); background: var(--fail-bg); }
.big { font-size: 17px; padding: 4px 16px; } .soft { color: var(--soft); }
code { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
p { margin: 8px 0; max-width: 75ch; }
.counts { display: flex; flex-wrap: wrap; gap: 10px; }
.count { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 8px 16px; }
.count b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; }
.rule { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  margin: 8px 0; padding: 10px 16px; }
.head { display: grid; grid-template-columns: 96px 1fr auto; gap: 14px; align-items: center; }
.head .chip { text-align: center; font-size: 13px; }
table { width: 100%; border-collapse: collapse; table-layout: fixed; margin-top: 10px; font-size: 14px; }
col:first-child { width: 36%; } col:last-child { width: 26%; }
th { text-align: left; color: var(--soft); font-weight: 600; }
th, td { border-top: 1px solid var(--line); padding: 6px 10px 6px 0; vertical-align: top;
  overflow-wrap: anywhere; white-space: pre-wrap; }
"""


def write_report(result: ValidationResult, subject: ConceptSet | pd.DataFrame, path: Path) -> None:
    """Write the page for a concept set, or for a prompt table, whole or not at all."""
    write_text(path, report_html(result, subject))


def report_html(result: ValidationResult, subject: ConceptSet | pd.DataFrame) -> str:
    """The whole page. Every text of the list is escaped."""
    about, counts = _described(subject)
    verdict = "fail" if not result.ok else "warn" if result.warned else "pass"
    held = f"{sum(rule.success for rule in result.rules)} of {len(result.rules)} hold"
    told = {"pass": "valid", "warn": "valid, with warnings", "fail": "not valid"}[verdict]
    tiles = "".join(f'<div class="count"><b>{number}</b>{escape(role)}</div>' for role, number in counts.items())
    # What needs a reader's hand comes first.
    rules = "\n".join(
        _rule(rule) for rule in (*result.failed, *result.warned, *(rule for rule in result.rules if rule.success))
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(result.set_name)}: {told}</title>
<style>{STYLE}</style>
</head>
<body>
<div class="top"><h1>{escape(result.set_name)}</h1><span class="chip big {verdict}">{told}</span></div>
{about}
<p class="soft">content <code>{escape(result.content_hash)}</code></p>
<h2>Counts by role</h2>
<div class="counts">{tiles}</div>
<h2>Rules: {held}</h2>
{rules}
</body>
</html>
"""


def _described(subject: ConceptSet | pd.DataFrame) -> tuple[str, Mapping[str, int]]:
    if not isinstance(subject, ConceptSet):
        number = subject["role"].value_counts()
        return "<p>Prompt table</p>", {str(role): int(number[role]) for role in sorted(number.index, key=str)}
    extends = f", extends {', '.join(subject.extends)}" if subject.extends else ""
    lines = [f"<p>Concept set of kind {escape(subject.kind)}{escape(extends)}</p>"]
    lines += [f"<p>{escape(subject.notes)}</p>"] if subject.notes else []
    lines += [f'<p class="soft">Source: {escape(subject.source)}</p>'] if subject.source else []
    counts = subject.counts()
    return "\n".join(lines), {role: counts[role] for role in ROLES}


def _rule(rule: RuleResult) -> str:
    chip = f'<span class="chip {rule.verdict}">{WORDS[rule.verdict]}</span>'
    name = f'<code class="soft">{escape(rule.rule)}</code>'
    head = f'<div class="head">{chip}<span>{escape(rule.description)}<br>{name}</span>'
    head += f'<span class="soft">{rule.checked} checked, {escape(rule.severity)}</span></div>'
    if not rule.failures:
        return f'<section class="rule">{head}</section>'
    rows = [
        f"<tr><td>{escape(f.entry)}</td><td>{escape(f.detail)}</td><td>{escape(f.fix)}</td></tr>"
        for f in rule.failures[:MOST]
    ]
    left = len(rule.failures) - MOST
    rows += [f'<tr><td colspan="3">and {left} more</td></tr>'] if left > 0 else []
    table = (
        f"<table><col><col><col><tr><th>entry</th><th>what is wrong</th><th>what to do</th></tr>{''.join(rows)}</table>"
    )
    return f'<section class="rule">{head}{table}</section>'
