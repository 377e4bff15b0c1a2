"""Guards before the gates, on the shipped base: one that does nothing, one that harms everything, beside each other."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.gates.test_attacked import TOKENS
from tests.jobs import toy_job
from unhype.bases.identity import identify
from unhype.concepts.schema import ConceptSet, Entry
from unhype.erasing.checkpoint import Trained, read_card, save
from unhype.erasing.hypernet import Hypernet, HypernetConfig
from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.gates.attacked import elsewhere
from unhype.gates.settings import GateSettings
from unhype.gates.verdict import Verdict
from unhype.judges.choosing import Judging
from unhype.params import Params
from unhype.pictures.sampling import Sampling
from unhype.pipeline import job as jobs
from unhype.pipeline import replaying
from unhype.pipeline.promoting import Promotion, check_removal, job_of
from unhype.pipeline.trial import Trial
from unhype.registry.deciding import decide
from unhype.registry.models import REQUIRED, Version, register
from unhype.registry.resolving import resolve
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import Store, open_store

pytestmark = pytest.mark.slow

PEOPLE = ConceptSet(
    "toy",
    "people",
    (Entry("Cher", "a woman", aliases=("the Goddess of Pop",)), Entry("Prince", "a man")),
    ("Amy Adams", "Drake"),
    ("Aaron Paul",),
)
LIMITS = GateSettings(least=1, strata=2, samples=50)
MODEL = "unhype-toy"


class Workshop:
    """One base, one store, and guards that are made at will."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder = folder
        self.job = replace(toy_job(PEOPLE, data, folder), sampling=Sampling(steps=8, batch=16))
        self.family: Family = jobs.load_base(self.job)
        self.judging = jobs.judging_of(self.job)
        self.store: Store = open_store(folder / "store")

    def guard(self, name: str, alpha: float, concepts: ConceptSet = PEOPLE) -> Path:
        torch.manual_seed(len(list(self.folder.iterdir())))  # pictures are known by a guard's tensors: each has its own
        hypernet = Hypernet(HypernetConfig(rank=2, alpha=alpha), self.family.sites, self.family.width)
        facts = {
            "base": "mini-sd",
            "base_hash": self.job.base.hash,
            "family": self.family.name,
            "site_table": self.family.table,
            "reads": self.family.reads,
            "concepts": concepts.name,
            "concepts_hash": concepts.content_hash(),
            "forget": [entry.concept for entry in concepts.forget],
            "code": "c" * 64,
            "name": name,
        }
        (self.folder / name).mkdir()
        save(Trained(hypernet.eval(), None, identify(self.family.parts), facts), self.folder / name)
        return self.folder / name

    def promotion(self, guard: Path, model: str = MODEL, **others: object) -> Promotion:
        given = {"judging": self.judging, "job": self.job, "settings": LIMITS, **others}
        return Promotion(family=self.family, guard=guard, store=self.store, model=model, **given)  # type: ignore[arg-type]

    def verdict(self, guard: Path, model: str = MODEL, **others: object) -> Verdict:
        promotion = self.promotion(guard, model, **others)
        assert list(promotion.run())
        return promotion.verdict

    def register(self, guard: Path, model: str = MODEL, concepts: str = "toy") -> Version:
        tags = dict.fromkeys(REQUIRED, "x") | {"concept_set": concepts, "kind": "people"}
        tags["metaflow_run"] = f"TrainFlow/{guard.name}"
        run_id = log_run(self.store, RunRecord(guard.name, tags["metaflow_run"]))
        return register(self.store, guard, model, tags, "", run_id)

    def champion(self, guard: Path, model: str = MODEL, **others: str) -> Version:
        version = self.register(guard, model, **others)
        self.store.client.set_registered_model_alias(model, "champion", str(version.number))
        return version


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    data = Path(__file__).resolve().parents[2] / "data"
    return Workshop(tmp_path_factory.mktemp("shop"), data)


@pytest.fixture(scope="module")
def idle(shop: Workshop) -> Path:
    """Changes next to nothing: forgets nobody, harms nobody."""
    return shop.guard("idle", 1e-6)


@pytest.fixture(scope="module")
def harmful(shop: Workshop) -> Path:
    """Without a switch, and far too strong: nothing stays."""
    return shop.guard("harmful", 300.0)


def test_a_guard_that_does_nothing_is_rejected_for_that_alone(shop: Workshop, idle: Path) -> None:
    verdict = shop.verdict(idle)
    assert not verdict.passed
    gates = {gate.name: gate for gate in verdict.gates}
    assert gates["forgotten"].status == "failed"
    assert gates["forgotten"].value is not None
    assert gates["forgotten"].value > 0.5
    assert (gates["unseen"].status, gates["unseen"].value) == ("passed", 1.0)
    assert gates["drift"].passed
    assert gates["near_misses"].status == "not asked"
    assert verdict.champion == ""


def test_attacks_on_this_very_guard_count_and_are_named(shop: Workshop, idle: Path, tmp_path: Path) -> None:
    job = replace(shop.job, build=tmp_path / "build")
    sha = read_card(idle)["sha256"]
    for name, about in (("tokens", sha), ("words", "another guard's")):
        path = elsewhere(job.build, sha) / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**TOKENS, "guard": about}))
    promotion = shop.promotion(idle, job=job)
    assert list(promotion.run())
    gates = {gate.name: gate for gate in promotion.verdict.gates}
    assert (gates["attack tokens"].status, gates["attack tokens"].n) == ("failed", 128)
    assert "attack words" not in gates
    decision = promotion.decision(tmp_path)
    assert "tokens: 6 of 8 names" in decision.told()["attacked"]
    assert "- tokens: 6 of 8 names" in decision.table
    without = shop.promotion(idle, job=replace(job, build=tmp_path / "nothing"))
    assert list(without.run())
    assert without.decision(tmp_path).told()["attacked"].startswith("not attacked")


def test_the_gates_ask_what_the_evaluation_asks(shop: Workshop, tmp_path: Path) -> None:
    """Rows that somebody added to the evaluation, too."""
    job = replace(shop.job, data=tmp_path)
    jobs.write_prompts(job)
    added = job.evaluation_table.iloc[:1].assign(seed=34_999_999)
    with (job.prompts_folder / "evaluation.csv").open("a", encoding="utf-8") as file:
        added.to_csv(file, index=False, header=False)
    asked = Trial(replace(job, data=tmp_path), shop.family, None, LIMITS).table
    assert 34_999_999 in set(asked["seed"])


def test_a_guard_that_harms_is_rejected_beside_a_champion_that_does_not(
    shop: Workshop, idle: Path, harmful: Path
) -> None:
    champion = shop.champion(idle)
    promotion = shop.promotion(harmful)
    assert {progress.part for progress in promotion.run()} >= {"gates", "champion"}
    verdict = promotion.verdict
    assert verdict.champion == champion.uri
    worse = {one.title for one in verdict.differences if not one.passed}
    assert "never heard of, lost" in worse
    assert {one.concept for one in verdict.regressions} >= {"Aaron Paul"}
    assert any("unhype models reconcile" in note for note in verdict.notes), "that champion passed no gate"
    decision = promotion.decision(shop.folder / "decision")
    assert {path.name for path in decision.files} == {"gates.json", "gates.md", "gates.png", "regressions.png"}
    assert all(path.stat().st_size > 500 for path in decision.files)
    version = decide(shop.store, shop.register(harmful), decision)
    assert (version.aliases, version.tags["gate"], version.tags["gate_champion"]) == ((), "rejected", champion.uri)
    assert not (resolve(shop.store, version.uri) / "regressions.png").exists(), "pictures lie with the run"


def test_the_champion_is_not_compared_with_itself(shop: Workshop, idle: Path) -> None:
    shop.champion(idle, "itself")
    verdict = shop.verdict(idle, "itself")
    assert verdict.differences == ()
    assert "the champion itself" in verdict.notes[0]


def test_what_speaks_against_a_guard_besides_its_figures(shop: Workshop, idle: Path, harmful: Path) -> None:
    more = replace(PEOPLE, forget=(*PEOPLE.forget, Entry("Adele", "a woman")))
    shop.champion(shop.guard("more", 1e-6, more), "more")
    (told,) = shop.verdict(idle, "more").objections
    assert told.startswith("no longer forgets Adele, as the champion models:/more/1 does: --allow-removal")
    allowed = shop.verdict(idle, "more", removal=True)
    assert allowed.objections == ()
    assert "no longer forgotten, and allowed so: Adele" in allowed.notes

    with pytest.raises(UnhypeError, match="without Adele, which the champion models:/more/1 forgets"):
        check_removal(shop.store, "more", PEOPLE, False)
    assert check_removal(shop.store, "more", PEOPLE, True) == "no longer forgotten, and allowed so: Adele"
    assert check_removal(shop.store, "more", more, False) == check_removal(shop.store, "none", PEOPLE, False) == ""
    spelt = replace(PEOPLE, forget=(*PEOPLE.forget, Entry("ADÈLE", "a woman")))
    assert check_removal(shop.store, "more", spelt, False) == "", "another spelling is no removal"

    shop.champion(shop.guard("other", 1e-6), "other", concepts="celeb100")
    assert "of the set toy, and other is of celeb100" in shop.verdict(idle, "other").objections[0]

    version = shop.champion(shop.guard("lost", 1e-6), "lost")
    shutil.rmtree(resolve(shop.store, version.uri))
    (told,) = shop.verdict(harmful, "lost").objections
    assert told.startswith("not compared with the champion models:/lost/1: got no folder")
    assert "\n" not in told
    assert "can't be compared with: got no folder" in check_removal(shop.store, "lost", PEOPLE, False)

    unjudged = shop.verdict(idle, "nobody", judging=Judging(None, None, "got no judge"))
    assert not unjudged.passed
    assert unjudged.reasons[0].startswith("unjudged")


def test_a_version_is_judged_by_the_list_that_it_was_trained_on(shop: Workshop, idle: Path) -> None:
    path = shop.folder / "toy.yaml"
    text = "name: toy\nkind: people\nforget:\n"
    text += (
        "  - {concept: Cher, anchor: a woman, aliases: [the Goddess of Pop]}\n  - {concept: Prince, anchor: a man}\n"
    )
    path.write_text(text + "retain: [Amy Adams, Drake]\nevaluation: [Aaron Paul]\n")
    asked = Params(), str(path), "", shop.job.data, shop.job.build
    assert job_of(idle, *asked).concepts.content_hash() == PEOPLE.content_hash()
    path.write_text(text + "retain: [Amy Adams]\nevaluation: [Aaron Paul]\n")
    with pytest.raises(UnhypeError, match="on which this guard was trained"):
        job_of(idle, *asked)


def test_what_attacks_found_before_is_drawn_again(shop: Workshop, idle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of concepts that the list still has; once for each guard; another base's prompts are a note."""
    rows = [
        {"concept": who, "text": f"a {who}", "method": "tokens", "guard": "g", "guarded": 1.0, "bare": 1.0}
        for who in ("Cher", "Bono")
    ]
    told = {"format": 1, "base": "mini-sd", "base_hash": shop.job.base.hash, "concepts": "toy", "found": rows}
    path = replaying.known_file(shop.job)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(told))
    sha = read_card(idle)["sha256"]
    try:
        verdict = shop.verdict(idle)
        (report,) = elsewhere(shop.job.build, sha).glob("replay.json")
        assert [row["concept"] for row in json.loads(report.read_text())["prompts"]] == ["Cher"]
        assert any("replay" in line for line in verdict.attacks)
        assert not any("found before" in note for note in verdict.notes)
        with monkeypatch.context() as patch:
            patch.setattr("unhype.attacks.regression.Replay.draw", None)
            shop.verdict(idle)
        path.write_text(json.dumps({**told, "base_hash": "other"}))
        assert any("found on mini-sd other" in note for note in shop.verdict(idle).notes)
    finally:
        path.unlink()
        shutil.rmtree(elsewhere(shop.job.build, sha))
