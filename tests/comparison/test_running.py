"""A whole comparison on the real miniature, small: it resumes, tells of a method that fails, and reports everything."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.jobs import toy_job
from unhype.baselines.case import Case, Cost, Fit, Step
from unhype.baselines.uce import Uce
from unhype.comparison import running
from unhype.comparison.methods import METHODS, chosen
from unhype.comparison.reporting import write_comparison
from unhype.comparison.running import Comparison
from unhype.concepts.schema import ConceptSet, Entry
from unhype.eraser import Eraser
from unhype.errors import UnhypeError
from unhype.pictures.sampling import Sampling
from unhype.pipeline import job as jobs

TOY = ConceptSet(
    "toy",
    "people",
    (Entry("Adam Driver", "a man"), Entry("Amy Adams", "a woman", aliases=("Adams",))),
    ("Drake", "Amy Poehler"),
    ("Amy Winehouse",),
)


@dataclass(frozen=True)
class Broken:
    """A method that cannot."""

    name: str = "broken"
    fits: str = "broken"
    needs: Sequence[Fit] = ()

    def fit(self, case: Case) -> Iterator[Step]:
        yield Step(1, 2)
        raise UnhypeError("got a base that broken does not know, wanted another")

    def eraser(self, case: Case) -> Eraser:
        raise AssertionError

    def cost(self, case: Case) -> Cost:
        raise AssertionError


@dataclass(frozen=True)
class Upon(Uce):
    """A method that builds on another's fit."""

    name: str = "upon"
    fits: str = "upon"

    @property
    def needs(self) -> Sequence[Fit]:
        return (Uce(),)


@pytest.fixture
def job(data: Path, tmp_path: Path) -> jobs.Job:
    return toy_job(TOY, data, tmp_path)


@pytest.mark.slow
def test_a_comparison_from_nothing_and_again(job: jobs.Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = Comparison(
        job,
        jobs.load_base(job),
        jobs.judging_of(job).judge,
        jobs.judging_of(job).embeddings,
        {"upon": Upon(), "uce": Uce(), "broken": Broken()},
        [0, 1],
    )
    parts = {progress.part for progress in comparison.run()}
    assert {"base pictures", "bare strata", "uce 0: drawing", "uce 1: drawing", "broken 0: fitting"} <= parts
    found = comparison.results()
    assert [len(found[name]) for name in ("none", "uce", "broken")] == [1, 2, 2]
    assert found["none"][0]["summary"]["drift"] == 0
    assert found["uce"][0]["summary"]["drift"] > 0
    assert found["upon"][0]["fit_seconds"] > found["uce"][0]["fit_seconds"] > 0, (
        "the time of what it builds on is its own too"
    )
    assert found["uce"][0]["parameters"] > 1000
    assert found["uce"][0]["latency"] > 0
    assert "latency" not in found["uce"][1], "it is the same for all seeds"
    bare, rival = found["none"][0]["fidelity"], found["uce"][0]["fidelity"]
    assert bare["cmmd"] == bare["cmmd_floor"] == rival["cmmd_floor"]
    assert bare["feature_drift"] == pytest.approx(0, abs=1e-6)
    assert rival["feature_drift"] > bare["feature_drift"] + 1e-6
    assert "does not know" in found["broken"][1]["error"]

    with monkeypatch.context() as nobody_scores:
        nobody_scores.setattr(running, "score_groups", None)
        again = [progress for progress in comparison.run() if progress.part == "uce 0: drawing"]
    assert [progress.done for progress in again] == [again[0].total], "pictures were drawn twice"
    assert comparison.results() == found, "and scored once"
    assert {run["base"] for runs in found.values() for run in runs} == {"mini-sd"}

    later = replace(comparison, methods={"uce": Uce()}, seeds=[1])
    list(later.run())
    assert later.results()["uce"][0]["latency"] > 0, "the first seed is the one that is timed"

    unjudged = replace(comparison, judge=None, job=replace(job, build=tmp_path / "unjudged"), methods={"uce": Uce()})
    list(unjudged.run())
    alone = unjudged.results()["uce"][0]
    assert (alone["judge"], alone["unjudged"], set(alone["summary"])) == (None, True, {"drift"})
    assert alone["summary"]["drift"] == found["uce"][0]["summary"]["drift"]
    assert alone["fidelity"]["feature_drift"] is None
    assert {key: value for key, value in alone["fidelity"].items() if key != "feature_drift"} == {
        key: value for key, value in rival.items() if key != "feature_drift"
    }
    assert "no judge reads these pictures" in write_comparison(unjudged, tmp_path / "unjudged" / "out")
    assert not (tmp_path / "unjudged" / "out" / "pareto.png").exists()

    text = write_comparison(comparison, tmp_path / "out")
    assert "broken" in text
    assert json.loads((tmp_path / "out" / "comparison.json").read_text())["uce"][1]["seed"] == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "comparison.md",
        "comparison.json",
        "pareto.png",
        "gallery.png",
    }


@pytest.mark.slow
def test_one_method_is_fitted_from_nothing_and_not_again(job: jobs.Job) -> None:
    job = replace(job, sampling=Sampling(steps=2, batch=16))
    comparison = Comparison(job, jobs.load_base(job), None, None, {"broken": Broken(), "upon": Upon()}, [0])
    assert {progress.part for progress in comparison.fit_one("upon", 0)} == {"base pictures", "upon: fitting"}
    assert comparison.eraser("upon", 0).identity == Upon().eraser(comparison.case(0)).identity
    assert {progress.part for progress in comparison.fit_one("upon", 0)} <= {"base pictures"}


def test_methods_by_name(job: jobs.Job) -> None:
    assert list(chosen(["all"], job)) == list(METHODS)
    assert list(chosen(["uce", "unhype", "uce"], job)) == ["uce", "unhype"]
    assert all(method.name == name for name, method in chosen(["all"], job).items())
    with pytest.raises(UnhypeError, match="got the method 'magic', wanted all, or some of unhype"):
        chosen(["magic"], job)
