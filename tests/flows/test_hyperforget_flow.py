"""HyperForget's flow at toy size: from settings to a registered model that samples; what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from unhype.cli.main import main
from unhype.registry.hyperforget import NAME, model_file

pytestmark = pytest.mark.slow

FLOW = Path(__file__).resolve().parent.parent.parent / "flows" / "hyperforget_flow.py"

SETTINGS = """
hyperforget:
  zoo: {runs: 6, class_runs: 10, held_out: 2, hidden: 5, batch: 60, steps: 200, unlearning_steps: 150,
        unlearning_rate: 3.0e-2, highest: 40.0}
  denoiser: {width: 16, layers: 1, heads: 2}
  schedule: {steps: 5, batch: 8, rate: 1.0e-3}
  sampling: 2
"""


def flow(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (place / "params.yaml").write_text(SETTINGS)
    environment = {**os.environ, "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(place), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(FLOW), "--no-pylint", *arguments]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)


def run(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return flow(place, "run", "--settings", "params.yaml", "--build", "build", "--store", "store", *arguments)


def test_from_settings_to_a_registered_model_that_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(tmp_path, "--signal", "two", "--start", "none")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    made = tmp_path / "build" / "hyperforget" / "two-none-3-0"
    scores = json.loads((made / "scores.json").read_text())
    assert "HyperForget" in {row["method"] for row in scores["methods"]}
    assert (
        model_file(f"models:/{NAME}@challenger", tmp_path / "store").read_bytes()
        == (made / "model.safetensors").read_bytes()
    )
    assert not list(made.glob("training-*")), "nothing half-made is left"
    out = tmp_path / "net.safetensors"
    asked = ["--forget", "3", "--loss", "5", "--out", str(out)]
    assert main(["hyperforget", "sample", "--model", str(made), *asked]) == 0
    assert load_file(out)["0.weight"].shape == (5, 64)
    card = tmp_path / "card.html"
    assert flow(tmp_path, "card", "get", "evaluate", str(card)).returncode == 0
    assert card.stat().st_size > 10_000


def test_fewer_than_two_runs_are_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "few.yaml").write_text(SETTINGS.replace("runs: 6", "runs: 1"))
    done = flow(tmp_path, "run", "--settings", "few.yaml", "--build", "build", "--store", "store")
    told = done.stdout + done.stderr
    assert done.returncode != 0
    assert "at least two runs of each sort" in told
    assert "Traceback" not in told
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--forget", "10"], "got the digit 10 to forget"),
        (["--signal", "three"], "got 'three', wanted one of one, two, classes"),
        (["--start", "warm"], "got 'warm', wanted one of none, trained"),
        (["--seed", "-2"], "got -2 as --seed"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = run(tmp_path, *arguments)
    told = done.stdout + done.stderr
    assert done.returncode != 0
    assert message in told
    assert "Traceback" not in told
    assert not (tmp_path / "build").exists()
