"""The erasure report: one HTML page without the network that says what a version forgets, and what speaks for it.

It is for those who were not there: what is forgotten, figures with their n and intervals, pictures, limits, where the
version comes from, and checksums of all that it is about.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from unhype.reports.attacked import NOT_ATTACKED
from unhype.reports.tables import Rows

LIMITS = (
    "A guard reads words. It does not read pictures that come in (the start of img2img and inpainting, IP-Adapter, "
    "what a ControlNet is shown): with a forgotten person's own picture as its start, that person can be drawn.",
    "A name that is spelt otherwise than training and the base know it may pass; so may what lies beyond the text "
    "encoder's limit, which the base does not read either.",
    "It is no lock: whoever can run Python can detach it. It keeps a forgotten concept from being drawn by those who "
    "do not mean to walk around it.",
    "It holds for the base that is named below, known by its weights, and for no other.",
    "Every figure is of the prompts, seeds and judge that are named here. A judge errs, too: compare with what it sees "
    "in the base's own pictures.",
)
"""What is true of every guard; docs/guard.md of the project has the measurements."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6575; --paper: #f6f7f9; --card: #fff; --line: #dde1e8;
  --good: #19703c; --good-bg: #e2f4e8; --bad: #a8201a; --bad-bg: #fde4e2; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e7eaf0; --soft: #9aa4b4; --paper: #14171d; --card: #1c2029; --line: #313846;
  --good: #7fdca0; --good-bg: #17341f; --bad: #ff9d95; --bad-bg: #431b19; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 32px 24px 48px; max-width: 1080px; color: var(--ink); background: var(--paper);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { margin: 0; font-size: 28px; } h2 { margin: 36px 0 10px; font-size: 19px; }
h3 { margin: 20px 0 6px; font-size: 15px; }
.top { display: flex; flex-wrap: wrap; gap: 12px 16px; align-items: center; }
.chip { padding: 4px 16px; border-radius: 99px; font-weight: 600; }
.good { color: var(--good); background: var(--good-bg); } .bad { color: var(--bad); background: var(--bad-bg); }
.soft { color: var(--soft); } p, li { max-width: 80ch; } ul { padding-left: 20px; }
.names { columns: 4 200px; padding: 0; list-style: none; } .names li { break-inside: avoid; }
.wide { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 600; }
th, td { border-bottom: 1px solid var(--line); padding: 6px 12px; vertical-align: top; overflow-wrap: anywhere; }
tr:last-child td { border-bottom: 0; }
img { max-width: 100%; border: 1px solid var(--line); border-radius: 10px; background: #fff; image-rendering: auto; }
code { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
@media print { body { max-width: none; } h2 { break-after: avoid; } img, .wide { break-inside: avoid; } }
"""


@dataclass(frozen=True)
class Erasure:
    """Everything that a report says.

    Attributes:
        version: URI of the registered version.
        forgotten: concepts, in the order of the list.
        tables: heading → header and rows: figures with n and intervals.
        pictures: words below a picture → its PNG.
        passed: the verdict of the gates; ``None`` where nobody judged.
        reasons: why it was rejected.
        attacks: what was attacked and how, a line each; empty for nothing.
        limits: those of this version, besides :data:`LIMITS`.
        provenance: fact → value.
        checksums: file → SHA-256.
    """

    version: str
    forgotten: Sequence[str]
    tables: Mapping[str, Rows]
    pictures: Mapping[str, bytes]
    passed: bool | None
    reasons: Sequence[str] = ()
    attacks: Sequence[str] = ()
    limits: Sequence[str] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)


def erasure_html(about: Erasure) -> str:
    """The whole page. Every text is escaped; pictures are in it."""
    told = {True: "passed its gates", False: "rejected by its gates", None: "not judged by any gates"}[about.passed]
    chip = f'<span class="chip {"good" if about.passed else "bad"}">{told}</span>'
    attacks = _list(about.attacks) or f"<p>{escape(NOT_ATTACKED.capitalize())}.</p>"
    parts = [
        f'<div class="top"><h1>Erasure report: {escape(about.version)}</h1>{chip}</div>',
        _list(about.reasons),
        f"<h2>What is forgotten: {len(about.forgotten)}</h2>",
        f'<ul class="names">{"".join(f"<li>{escape(name)}</li>" for name in about.forgotten)}</ul>',
        "<h2>Evidence</h2>",
        "<p>Shares are of pictures; brackets hold 95 % intervals, or the base's own figure where a heading says so. "
        "Prompts and seeds were held out of training; base and guard drew the same ones.</p>",
        *(f"<h3>{escape(name)}</h3>{_table(table)}" for name, table in about.tables.items()),
        "<h2>Pictures</h2>",
        *(f"<h3>{escape(words)}</h3>{_picture(png, words)}" for words, png in about.pictures.items()),
        "" if about.pictures else "<p>None were kept with this version.</p>",
        f"<h2>Attacks</h2>{attacks}",
        f"<h2>Limits</h2>{_list((*about.limits, *LIMITS))}",
        f"<h2>Where it comes from</h2>{_table((('fact', 'value'), [list(fact) for fact in about.provenance.items()]))}",
        "<h2>Checksums</h2><p>SHA-256 of the files that this report is about; <code>sha256sum FILE</code> prints the "
        "same of a file that was not changed.</p>",
        _table((("file", "SHA-256"), [list(one) for one in about.checksums.items()])),
    ]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Erasure report: {escape(about.version)}</title>
<style>{STYLE}</style>
</head>
<body>
{"".join(f"{part}{chr(10)}" for part in parts if part)}</body>
</html>
"""


def _table(table: Rows) -> str:
    header, rows = table
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""


def _picture(png: bytes, words: str) -> str:
    return f'<img alt="{escape(words)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
