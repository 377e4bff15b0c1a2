"""Markdown whose words come from lists and logs: whatever they hold, they stay words."""

from __future__ import annotations

from unhype.reports.tables import Rows


def table(rows: Rows) -> str:
    """A table whose cells hold whatever a list holds."""
    header, body = rows
    # Nobody is called by what stands in code.
    cells = [[(cell if cell[:1] == "`" else plain(cell)).replace("|", r"\|") for cell in row] for row in body]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *cells])


def folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def fenced(lines: list[str], kind: str) -> str:
    """As code, whatever the lines hold."""
    fence = "`" * max(3, 1 + max((len(line) - len(line.lstrip("`")) for line in lines), default=0))
    told = "\n".join(lines)
    return f"{fence}{kind}\n{told}\n{fence}"


def plain(text: str) -> str:
    """Text of a list as text: no HTML, nobody is called, one line."""
    return " ".join(text.split()).replace("<", "&lt;").replace("@", "@\u200b")
