"""Shared fixtures: where the shipped models lie, and a tiny recipe that runs in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data() -> Path:
    return ROOT / "data"
