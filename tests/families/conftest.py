"""Every family's tiny pipeline, built once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.families import tiny
from unhype.families.choosing import family_of
from unhype.families.family import Family


@pytest.fixture(scope="session")
def pipelines() -> dict[str, Any]:
    """Name → bare pipeline. Whoever changes one gives it back as it was."""
    return {name: build() for name, build in tiny.BUILDERS.items()}


@pytest.fixture(params=tiny.BUILDERS)
def family(request: pytest.FixtureRequest, pipelines: dict[str, Any]) -> Family:
    return family_of(pipelines[request.param])


TABLES = {"sd": ("cross_attention",), "sdxl": ("cross_attention", "both_routes"), "flux": ("published", "text_entries")}
EACH = [
    (name, table)
    for name in tiny.BUILDERS
    for table in TABLES[name if name in TABLES else name.split("_")[0].rstrip("12")]
]


@pytest.fixture(params=EACH, ids="-".join)
def on_every_table(request: pytest.FixtureRequest, pipelines: dict[str, Any]) -> Family:
    name, table = request.param
    return family_of(pipelines[name], table)
