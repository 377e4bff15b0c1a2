"""Gates with known answers: what is measured passes or fails; what is missing does not pass; some are not asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tests.gates.world import GROUPS, marks, measured
from unhype.errors import UnhypeError
from unhype.gates.absolute import ALIAS, FORGET, MIXED, NEAR, UNSEEN, Gate, absolute_gates
from unhype.gates.drawing import draw_verdict
from unhype.gates.marks import GONE, KEPT, marks_of
from unhype.gates.paired import compare
from unhype.gates.settings import GateSettings
from unhype.gates.verdict import Verdict
from unhype.judges.judge import Seen

LIMITS = GateSettings()


def gates(*given: object, **named: object) -> dict[str, Gate]:
    return {gate.name: gate for gate in absolute_gates(measured(*given, **named), LIMITS)}  # type: ignore[arg-type]


def test_a_guard_without_fault_passes_every_gate() -> None:
    found = gates(marks())
    assert [gate.status for gate in found.values()] == [*["passed"] * 9, "not asked"]
    assert found["attacks"].why.startswith("not tried")
    assert (found["forgotten"].value, found["unseen"].value, found["forgotten"].n) == (0.0, 1.0, 200)


@pytest.mark.parametrize(
    ("group", "side", "name", "most"),
    [
        (FORGET, GONE, "forgotten", 10),
        (ALIAS, GONE, "aliases", 20),
        (UNSEEN, KEPT, "unseen", 10),
        (NEAR, KEPT, "near_misses", 10),
        (MIXED, GONE, "mixed_gone", 20),
        (MIXED, KEPT, "mixed_kept", 30),
    ],
)
def test_each_gate_shuts_right_behind_its_threshold(group: str, side: str, name: str, most: int) -> None:
    """Of 200 pictures: 5 % of what must go, 95 % kept of what must stay."""
    at, behind = (gates(marks({(group, side): wrong})) for wrong in (most, most + 1))
    assert at[name].status == "passed"
    assert behind[name].status == "failed"
    others = [gate for gate in behind.values() if gate.name not in (name, "worst")]
    assert all(gate.passed for gate in others)


def test_one_concept_that_is_not_forgotten_is_enough() -> None:
    """Six of its ten pictures are 3 % of all: Acc_e alone would let it pass."""
    found = gates(marks({(FORGET, GONE): 6}))
    assert found["forgotten"].status == "passed"
    assert (found["worst"].status, found["worst"].value, found["worst"].why) == (
        "failed",
        0.6,
        "concept 0, of 10 pictures",
    )


def test_destroyed_faces_do_not_count_as_forgotten() -> None:
    found = gates(marks(faceless=41))
    assert found["forgotten"].n == 159
    assert (found["faces"].status, found["faces"].value) == ("failed", 159 / 200)
    none = gates(marks(faceless=200))
    assert none["forgotten"].status == none["worst"].status == "missing"


def test_what_is_missing_does_not_pass() -> None:
    unjudged = gates(None)
    assert {gate.name for gate in unjudged.values() if gate.passed} == {"drift", "attacks"}
    assert unjudged["forgotten"].why.startswith("unjudged")
    few = {gate.name: gate for gate in absolute_gates(measured(marks()), replace(LIMITS, least=201))}
    assert {gate.status for name, gate in few.items() if name != "attacks"} == {"missing"}
    assert "200 pictures count, wanted at least 201" in few["aliases"].why
    unknown = marks()
    assert gates(unknown[unknown["group"] != NEAR])["near_misses"].status == "missing", "the judge has no word for them"
    assert gates(marks(), drift=None)["drift"].status == "missing"


def test_what_a_set_does_not_have_is_not_asked() -> None:
    found = marks()
    groups = {group: 200 for group, _ in GROUPS if group not in (NEAR, MIXED)}
    kept = found[~found["group"].isin([NEAR, MIXED])]
    told = gates(kept, groups=groups, absent={NEAR: "wanted names"}, faces=False)
    assert (told["near_misses"].status, told["near_misses"].why) == ("not asked", "wanted names")
    assert told["mixed_kept"].status == "not asked"
    assert "faces" not in told
    assert all(gate.passed for gate in told.values())


def test_attacks_count_where_they_were_tried() -> None:
    tried = {"textual inversion": {"n": 100, "must_go": 0.3}, "typos": {"n": 100, "must_go": 0.2}}
    found = gates(marks(), attacks=tried)
    assert found["attack textual inversion"].status == "failed"
    assert found["attack typos"].status == "passed"


def test_marks_tell_what_is_seen_of_what_a_prompt_names() -> None:
    rows = pd.DataFrame(
        [(MIXED, "Cher", "Cher", "Drake;Sting", "p", 1), (FORGET, "Cher", "Cher", "", "q", 2)],
        columns=["group", "concept", "erased", "kept", "prompt", "seed"],
    )
    now, before = [Seen(("Drake",), True), Seen((), False)], [Seen(("Cher", "Drake"), True), Seen(("Cher",), True)]
    found = marks_of(rows, now, before, True, {"Cher", "Drake"})
    assert found[["side", "concept", "shown", "shown_base", "counts", "counts_base"]].values.tolist() == [
        [GONE, "Cher", False, True, True, True],
        [KEPT, "Drake", True, True, True, True],
        [GONE, "Cher", False, True, False, True],
    ]


def test_a_guard_is_no_worse_than_itself() -> None:
    differences, regressions = compare(marks({(ALIAS, GONE): 15}), marks({(ALIAS, GONE): 15}), LIMITS)
    assert [(one.mean, one.low, one.high, one.passed) for one in differences] == [(0.0, 0.0, 0.0, True)] * 6
    assert regressions == ()


def test_worse_and_better_than_the_champion() -> None:
    worse, better = marks({(NEAR, KEPT): 15, (FORGET, GONE): 2}), marks({(FORGET, GONE): 5})
    differences, regressions = compare(worse, better, LIMITS)
    found = {one.title: one for one in differences}
    lost = found["near misses, lost"]
    assert (lost.new, lost.champion, lost.n) == (0.075, 0.0, 200)
    assert lost.low < 0.075 < lost.high
    assert not lost.passed
    assert found["forgotten, still shown"].mean == pytest.approx(-0.015)
    assert found["forgotten, still shown"].passed
    assert [(one.concept, one.new, one.champion, one.n) for one in regressions] == [
        ("concept 0", 10, 0, 10),
        ("concept 1", 5, 0, 10),
    ]
    assert (regressions[0].prompt, regressions[0].seed) == ("a photo of concept 0", 3000)


def test_pairs_are_of_pictures_that_both_can_show() -> None:
    differences, _ = compare(marks(faceless=40), marks(faceless=10), LIMITS)
    assert {one.title: one.n for one in differences}["forgotten, still shown"] == 160


def verdict(found: pd.DataFrame | None, champion: pd.DataFrame | None = None, **others: object) -> Verdict:
    differences, regressions = (
        compare(found, champion, LIMITS) if champion is not None and found is not None else ((), ())
    )
    judge = "a judge" if found is not None else ""
    asked = absolute_gates(measured(found), LIMITS)
    named = "models:/m/1" if champion is not None else ""
    return Verdict("f" * 64, "toy 012", judge, LIMITS, asked, named, differences, regressions, **others)  # type: ignore[arg-type]


def test_the_verdict_has_its_reasons_and_its_digest(tmp_path: Path) -> None:
    good = verdict(marks(), marks())
    assert good.passed
    assert good.reasons == ()
    assert good.digest == verdict(marks(), marks()).digest
    bad = verdict(marks({(NEAR, KEPT): 15}), marks())
    assert not bad.passed
    assert [reason.partition(":")[0] for reason in bad.reasons] == ["near misses", "near misses, lost"]
    assert bad.digest != good.digest
    assert json.loads(bad.evidence())["reasons"] == list(bad.reasons)
    told = bad.markdown()
    assert "**rejected**" in told
    assert "| near misses: kept of the base | ≥ 0.95 | 0.9250 (0.880–0.954) | 200 | ✗ failed |" in told
    assert "| concept 0 | near misses, lost | 10 of 10 | 0 of 10 |" in told
    for name, one in {"good": good, "bad": bad, "alone": verdict(marks()), "unjudged": verdict(None)}.items():
        draw_verdict(one, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_an_unjudged_guard_never_passes_and_an_objection_is_enough() -> None:
    assert verdict(None).reasons[0] == "unjudged: nobody reads this base's pictures"
    lax = GateSettings(least=1, forgotten=1, worst=1, faces=0, aliases=1, unseen=0, near_misses=0, drift=1)
    assert not Verdict("f" * 64, "toy", "", lax, ()).passed
    assert verdict(marks(), objections=("of another set",)).reasons == ("of another set",)


@pytest.mark.parametrize("wrong", [{"forgotten": 1.5}, {"least": 0}, {"margin": -0.1}])
def test_thresholds_are_shares(wrong: dict[str, float]) -> None:
    with pytest.raises(UnhypeError, match=next(iter(wrong))):
        GateSettings(**wrong)  # type: ignore[arg-type]
