"""How threads wait is set before torch is loaded, by a look at the cores, and never against the user."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unhype import threads
from unhype.threads import BRIEF, OURS, SPINS, busy_cores, wait_wisely

NAMES = ("OMP_WAIT_POLICY", SPINS, OURS)
SET = {SPINS: BRIEF, OURS: BRIEF}


@pytest.mark.parametrize(
    ("busy", "before", "after"),
    [
        (1.0, {}, SET),
        (0.0, {}, {}),
        (1.0, {SPINS: "7"}, {SPINS: "7"}),
        (0.0, {SPINS: "7"}, {SPINS: "7"}),
        (1.0, {"OMP_WAIT_POLICY": "ACTIVE"}, {"OMP_WAIT_POLICY": "ACTIVE"}),
        (0.0, SET, {}),  # the process that started us set it; now the cores are free
        (1.0, SET, SET),
    ],
)
def test_a_look_decides_where_the_user_has_not(
    monkeypatch: pytest.MonkeyPatch, busy: float, before: dict[str, str], after: dict[str, str]
) -> None:
    environment = dict(before)
    monkeypatch.setattr("os.environ", environment)
    monkeypatch.setattr(threads, "busy_cores", lambda: busy)
    wait_wisely()
    assert environment == after


def test_cores_at_work_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks, stat = os.sysconf("SC_CLK_TCK"), tmp_path / "stat"
    stat.write_text("cpu 100 0 50 9000 0 0 0\ncpu0 100 0 50 9000 0 0 0\n")

    def later(seconds: float) -> None:
        stat.write_text(f"cpu {100 + 2 * ticks} 0 {50 + ticks} 9000 0 0 0\n")

    times = iter([0.0, 2.0])
    monkeypatch.setattr(time, "sleep", later)
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    assert busy_cores(stat, 2.0) == 1.5


def test_a_system_that_does_not_tell_is_left_alone(tmp_path: Path) -> None:
    assert busy_cores(tmp_path / "absent") == 0
    (tmp_path / "odd").write_text("?")
    assert busy_cores(tmp_path / "odd", 0.0) == 0


def test_the_command_line_looks_before_torch_is_loaded() -> None:
    """Were torch loaded before, OpenMP would have read its settings already."""
    program = """
import os, sys
import unhype.threads
unhype.threads.busy_cores = lambda: 2.0
from unhype.cli.main import main
try:
    main(["verify", "--data", "nowhere"])
finally:
    print(os.environ["GOMP_SPINCOUNT"], "torch" in sys.modules)
"""
    environment = {name: value for name, value in os.environ.items() if name not in NAMES}
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    assert result.stdout.split()[-2:] == [BRIEF, "False"]


@pytest.mark.parametrize(
    "flow", sorted((Path(__file__).parent.parent / "flows").glob("*_flow.py")), ids=lambda p: p.stem
)
def test_a_flow_looks_before_anything_is_loaded(flow: Path) -> None:
    """Metaflow starts a process for each step with the flow's file, from its first line."""
    beginning = (flow.parent / "beginning.py").read_text(encoding="utf-8")
    text = re.sub("^from beginning import .*\n", lambda _: beginning, flow.read_text(encoding="utf-8"), flags=re.M)
    before, after = text.split("wait_wisely()\n", 1)
    assert "from metaflow import" in after
    assert "import torch" not in before
