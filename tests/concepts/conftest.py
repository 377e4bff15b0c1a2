"""Concept sets for the tests: a good one, and how to write one down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from unhype.concepts.schema import ConceptSet, Entry


@pytest.fixture
def good() -> ConceptSet:
    return ConceptSet(
        name="good",
        kind="people",
        forget=(Entry("Adam Driver", "a man", ("Kylo",), ("the Driver",)), Entry("Emma Stone", "a woman")),
        retain=("Ada Lovelace", "a man", "Alan Turing"),
        evaluation=("Aaron Paul",),
        source="made up",
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes ``<name>.yaml`` into the test's folder; a text without a name gets the head of a people set."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(text if "name:" in text else f"name: {name}\nkind: people\n{text}", encoding="utf-8")
        return path

    return write
