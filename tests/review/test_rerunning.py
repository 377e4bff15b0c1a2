"""Stages by DVC, with commands that cost nothing: what is up to date is skipped, and a failure stops and is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from unhype.errors import UnhypeError
from unhype.review.rerunning import FAILED, RAN, SKIPPED, rerun, stale

pytestmark = pytest.mark.slow


@pytest.fixture
def _pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two stages in a row; the second fails where the variable FAIL is set."""
    monkeypatch.chdir(tmp_path)
    work = "import os, sys, pathlib\nsys.exit('got no space left') if os.environ.get('FAIL') else None\n"
    work += "pathlib.Path(sys.argv[2]).write_text(pathlib.Path(sys.argv[1]).read_text())\n"
    Path("work.py").write_text(work)
    Path("a").write_text("1")
    stages = {
        target: {"cmd": f"{sys.executable} work.py {source} {target}", "deps": [source], "outs": [target]}
        for source, target in (("a", "b"), ("b", "c"))
    }
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    Repo.init(no_scm=True).close()


@pytest.mark.usefixtures("_pipeline")
def test_stages_run_once_and_a_failure_stops(capfd: pytest.CaptureFixture[str]) -> None:
    assert [(one.stage, one.status) for one in rerun(["b", "c"], {})] == [("b", RAN), ("c", RAN)]
    assert [one.status for one in rerun(["b", "c"], {})] == [SKIPPED, SKIPPED]
    Path("a").write_text("2")
    assert stale("b")
    assert not stale("c"), "of what comes after, only once this has run"
    (failed,) = rerun(["b", "c"], {"FAIL": "1"})
    assert failed.status == FAILED
    assert "got no space left" in failed.tail
    assert "got no space left" in capfd.readouterr().out
    assert [one.status for one in rerun(["b", "c"], {})] == [RAN, RAN]
    Path("a").write_text("1")
    assert [one.status for one in rerun(["b"], {})] == [RAN], "not from the cache of earlier runs"


@pytest.mark.usefixtures("_pipeline")
def test_a_stage_that_dvc_does_not_know() -> None:
    with pytest.raises(UnhypeError, match="got no answer from DVC on the stage nothing"):
        list(rerun(["nothing"], {}))
