"""A guard on a base of another family, and a comparison on Flux: one line each where it can't be, the rest goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.families import tiny
from tests.families.guards import HOW, SET, guard_of
from tests.families.training import settings
from unhype.bases.finding import find_base
from unhype.cli.main import main
from unhype.comparison.methods import chosen
from unhype.comparison.reporting import write_comparison
from unhype.comparison.running import Comparison
from unhype.erasing.checkpoint import save
from unhype.families.choosing import family_of
from unhype.pipeline import job as jobs
from unhype.prompts.tables import PromptSettings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``data/bases`` with a base of each family, ``guards`` with a guard of each."""
    folder = tmp_path_factory.mktemp("place")
    for name in ("sd1", "flux_dev"):
        pipeline = tiny.BUILDERS[name]()
        pipeline.save_pretrained(folder / "data" / "bases" / name)
        trained = guard_of(family_of(pipeline)).trained
        facts = {key: trained.facts[key] for key in ("base", "family", "site_table")}
        save(replace(trained, facts={**facts, "concepts": "toy", "forget": ["Cher"]}), folder / "guards" / name)
    return folder


@pytest.mark.parametrize(("guard", "base"), [("sd1", "flux_dev"), ("flux_dev", "sd1")])
@pytest.mark.parametrize("verb", ["generate", "export"])
def test_a_guard_on_a_base_of_another_family_is_refused_in_a_line(
    guard: str, base: str, verb: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = [
        "--data",
        str(place / "data"),
        "--out",
        str(tmp_path / "out.safetensors" if verb == "export" else tmp_path),
    ]
    asked = ["--model", str(place / "guards" / guard), "--base", base, "--prompt", "a photo of Cher"]
    assert main([verb, *asked, *where]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    names = {"sd1": "stable_diffusion", "flux_dev": "flux"}
    assert f"got a pipeline of the family {names[base]}, wanted {names[guard]}" in line


def test_a_comparison_on_flux_tells_what_is_not_defined_there_and_goes_on(place: Path, tmp_path: Path) -> None:
    data = place / "data"
    short = replace(settings(2), sites="published")
    job = jobs.Job(SET, find_base("flux_dev", data), data, tmp_path, short, PromptSettings(1), HOW)
    methods = chosen(["mace_like", "dve", "gem"], job)
    comparison = Comparison(job, jobs.load_base(job), None, None, methods, [0, 1])
    list(comparison.run())
    found = comparison.results()
    assert all("is not defined on others" in run["error"] for run in found["mace_like"])
    for name in ("dve", "gem"):
        assert [run["summary"]["drift"] >= 0 for run in found[name]] == [True, True]
        assert {run["base"] for run in found[name]} == {"flux_dev"}
    assert found["gem"][0]["eraser"] != found["gem"][1]["eraser"], "another seed is another training"
    assert found["dve"][0]["eraser"] == found["dve"][1]["eraser"], "without training there is one"

    text = write_comparison(comparison, tmp_path / "out")
    row = next(line for line in text.splitlines() if line.startswith("| mace_like"))
    assert "without 'context_embedder'" in row
    assert row.rstrip(" |").endswith("0"), "of no seeds"
    assert set(json.loads((tmp_path / "out" / "comparison.json").read_text())) == {"none", *methods}
    assert list(comparison.run())[-1].done > 0
    assert comparison.results() == found
