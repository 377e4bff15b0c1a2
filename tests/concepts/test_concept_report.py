"""The page stands alone, shows every failure, and never lets a list write HTML."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd

from unhype.concepts.datadocs import data_docs
from unhype.concepts.facts import facts
from unhype.concepts.prompt_facts import PROMPT_COLUMNS
from unhype.concepts.prompt_suite import validate_prompts
from unhype.concepts.report import MOST, report_html, write_report
from unhype.concepts.results import Failure, RuleResult, ValidationResult
from unhype.concepts.schema import ConceptSet
from unhype.concepts.suite import set_rules, validate_set


class Balance(HTMLParser):
    """Every tag that opens closes, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.used: set[str] = set()
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.used.add(tag)
        if tag not in {"meta", "br", "col"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_stands_alone(good: ConceptSet, tmp_path: Path) -> None:
    write_report(validate_set(good), good, tmp_path / "deep" / "good.html")
    page = (tmp_path / "deep" / "good.html").read_text()
    assert not Balance(page).used & {"script", "link", "img", "iframe"}
    assert "http" not in page
    assert "url(" not in page
    assert "prefers-color-scheme: dark" in page
    assert good.content_hash() in page
    assert ">valid<" in page


def test_failures_show_first_with_their_fix_and_escaped(good: ConceptSet) -> None:
    bad = replace(good, retain=("<b>Bob</b>\x07", "Emma Stone"), notes="<script>alert(1)</script>")
    page = report_html(validate_set(bad), bad)
    assert "script" not in Balance(page).used
    assert ">not valid<" in page
    assert "remove it from one of the two" in page
    assert "&lt;b&gt;Bob&lt;/b&gt;\\x07" in page
    assert page.index("✗ fail") < page.index("✓ pass")


def test_warnings_are_told_apart_and_long_tables_end(good: ConceptSet) -> None:
    failures = tuple(Failure(f"entry {i}", "d", "f") for i in range(MOST + 3))
    page = report_html(ValidationResult("s", "0", (RuleResult("r", "d", "warning", False, 999, failures),)), good)
    Balance(page)
    assert "valid, with warnings" in page
    assert "and 3 more" in page
    assert f"entry {MOST - 1}<" in page
    assert f"entry {MOST}<" not in page


def test_prompt_tables_have_a_page_too() -> None:
    table = pd.DataFrame([("Bob", "forget", "a Bob", "a {}", 1, "train")], columns=list(PROMPT_COLUMNS))
    page = report_html(validate_prompts(table), table)
    Balance(page)
    assert "<b>1</b>forget" in page


def test_data_docs_are_built_from_the_same_rules(good: ConceptSet, tmp_path: Path) -> None:
    frame = facts(good)
    index = data_docs("good", frame, set_rules(frame, good.sort), tmp_path / "docs")
    assert index.exists()
    pages = list((tmp_path / "docs" / "validations").rglob("*.html"))
    assert len(pages) == 1
    assert "no anchor is itself forgotten" in pages[0].read_text()
