"""Fixtures of whole flows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checkouts import make_checkout


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small checkout, in which the test works; nothing has run."""
    place = tmp_path / "checkout"
    make_checkout(place)
    monkeypatch.chdir(place)
    return place
