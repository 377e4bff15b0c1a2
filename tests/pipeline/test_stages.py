"""DVC's stages go stale with every file that they run: the lists are those of the imports, and a chore writes them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from unhype.errors import UnhypeError
from unhype.pipeline.stages import ROOT, STAGES, record, rewrite, sources

PIPELINE = ROOT / "dvc.yaml"


def listed(path: Path) -> dict[str, list[str]]:
    stages = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
    return {name: stage.get("do", stage)["deps"] for name, stage in stages.items()}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_the_files_that_it_runs(stage: str) -> None:
    ours = [dep for dep in listed(PIPELINE)[stage] if dep.startswith("unhype/")]
    assert ours == sources(stage), "run make stages"


def test_the_chore_writes_what_is_missing_and_leaves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "dvc.yaml"
    whole = PIPELINE.read_text(encoding="utf-8")
    assert "      - unhype/prompts/tables.py\n" in whole
    path.write_text(whole.replace("- unhype/prompts/tables.py\n", "- unhype/long/gone.py\n"), encoding="utf-8")
    assert set(rewrite(path)) >= {"prompts", "erase"}
    assert path.read_text(encoding="utf-8") == whole
    assert rewrite(path) == []


def test_a_stage_that_nobody_described_is_refused() -> None:
    with pytest.raises(UnhypeError, match=r"say in unhype/pipeline/stages\.py what it runs"):
        sources("paint")


def test_recording_keeps_the_hash_of_what_does_not_lie_here(tmp_path: Path) -> None:
    from dvc.repo import Repo

    (tmp_path / "dvc.yaml").write_text("stages: {copy: {cmd: cp a b, deps: [a], outs: [b]}}")
    for name in ("a", "b"):
        (tmp_path / name).write_text("one")
    Repo.init(str(tmp_path), no_scm=True).close()
    assert record(tmp_path) == ["copy"]
    before = yaml.safe_load((tmp_path / "dvc.lock").read_text())["stages"]["copy"]
    (tmp_path / "a").write_text("another")
    (tmp_path / "b").unlink()
    assert record(tmp_path) == ["copy"]
    after = yaml.safe_load((tmp_path / "dvc.lock").read_text())["stages"]["copy"]
    assert after["outs"] == before["outs"]
    assert after["deps"][0]["md5"] != before["deps"][0]["md5"]
