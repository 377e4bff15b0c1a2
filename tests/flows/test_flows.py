"""The flows: their graphs hold, their help teaches, and one runs from settings to a card."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_cli import TINY

ROOT = Path(__file__).resolve().parent.parent.parent
FLOWS = {
    "base": ("base", "work", "n"),
    "curate": ("concepts", "base", "accept", "allow-removal"),
    "train": ("concepts", "base", "seed", "shards", "allow-removal", "model"),
    "evaluate": ("model", "method", "concepts", "on", "base", "n", "shards"),
    "promote": ("model", "concepts", "base", "allow-removal"),
}
"""Flow → its own parameters."""


def flow(folder: Path, *arguments: str, name: str = "base") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder)}
    file = ROOT / "flows" / f"{name}_flow.py"
    return subprocess.run(
        [sys.executable, str(file), *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_every_flow_is_known() -> None:
    assert {path.stem for path in (ROOT / "flows").glob("*_flow.py")} == {f"{name}_flow" for name in FLOWS}


@pytest.mark.parametrize("name", FLOWS)
def test_the_graph_holds(name: str, tmp_path: Path) -> None:
    result = flow(tmp_path, "--no-pylint", "check", name=name)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", FLOWS)
def test_help_names_every_parameter_and_no_path_of_this_machine(name: str, tmp_path: Path) -> None:
    said = flow(tmp_path, "run", "--help", name=name).stdout
    assert all(f"--{one} " in said for one in (*FLOWS[name], "settings", "data", "build", "store"))
    assert str(ROOT) not in said


def test_what_another_machine_needs_is_in_the_code_package(tmp_path: Path) -> None:
    said = flow(tmp_path, "--no-pylint", "package", "list", name="train")
    packed = {
        Path(line).relative_to(ROOT) for line in (said.stdout + said.stderr).splitlines() if line.startswith(str(ROOT))
    }
    code = {path.relative_to(ROOT) for path in (ROOT / "unhype").rglob("*") if path.suffix in (".py", ".yaml", ".txt")}
    assert packed >= code | {Path("params.yaml"), Path("flows/beginning.py")}


@pytest.mark.slow
def test_from_settings_to_a_card(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(TINY + "sampling: {steps: 1, batch: 50}\n")
    options = ["--settings", "p.yaml", "--data", "data", "--work", "work", "--n", "2"]
    result = flow(tmp_path, "--no-pylint", "run", *options)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    card = tmp_path / "card.html"
    assert flow(tmp_path, "--no-pylint", "card", "get", "measure", str(card)).returncode == 0
    # A card keeps its components as base64 of JSON.
    parts = [
        base64.b64decode(part)
        for part in re.findall(r"[A-Za-z0-9+/]{200,}={0,2}", card.read_text())
        if len(part) % 4 == 0
    ]
    assert any(b"judge on renders" in part and b"data:image/png" in part for part in parts)
    assert (tmp_path / "data/bases/mini-sd/figures.json").exists()


def test_wrong_settings_stop_the_flow_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("pretrainings: {}\n")
    result = flow(tmp_path, "--no-pylint", "run", "--settings", "p.yaml", "--data", "data", "--work", "work")
    assert result.returncode == 1
    assert "unknown key 'pretrainings'" in result.stdout + result.stderr
    assert not (tmp_path / "work").exists()
