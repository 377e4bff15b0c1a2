"""How threads wait is set before torch is loaded, and never against the user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from unhype.threads import SETTINGS, wait_briefly

NAMES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, SETTINGS),
        ({"GOMP_SPINCOUNT": "7"}, {"GOMP_SPINCOUNT": "7"}),
        ({"OMP_WAIT_POLICY": "PASSIVE"}, {"OMP_WAIT_POLICY": "PASSIVE"}),
    ],
)
def test_what_the_user_has_set_stays(
    monkeypatch: pytest.MonkeyPatch, before: dict[str, str], after: dict[str, str]
) -> None:
    environment = dict(before)
    monkeypatch.setattr("os.environ", environment)
    wait_briefly()
    assert environment == after


def test_the_command_line_sets_it_before_torch_is_loaded() -> None:
    """Were torch loaded before, OpenMP would have read its settings already."""
    program = """
import os, sys
from unhype.cli.main import main
try:
    main(["--version"])
finally:
    print(os.environ["GOMP_SPINCOUNT"], "torch" in sys.modules)
"""
    environment = {name: value for name, value in os.environ.items() if name not in NAMES}
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    assert result.stdout.split()[-2:] == [SETTINGS["GOMP_SPINCOUNT"], "False"]


@pytest.mark.parametrize(
    "flow", sorted((Path(__file__).parent.parent / "flows").glob("*_flow.py")), ids=lambda p: p.stem
)
def test_a_flow_sets_it_before_anything_is_loaded(flow: Path) -> None:
    """Metaflow starts a process for each step with the flow's file, from its first line."""
    before, after = flow.read_text(encoding="utf-8").split("wait_briefly()\n", 1)
    assert "from metaflow import" in after
    assert "import torch" not in before
