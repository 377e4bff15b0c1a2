"""Gates count attacks on the guard itself, and on no other; where none was tried they say so and let it pass."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.gates.test_gates import LIMITS, gates, verdict
from tests.gates.world import marks
from unhype.errors import UnhypeError
from unhype.gates.attacked import elsewhere, lines, measured, tried

SHA = "a" * 64
TOKENS: dict[str, Any] = {
    "eraser": "unhype",
    "guard": SHA,
    "n": 8,
    "pictures": 16,
    "ASR": 0.75,
    "interval": [0.41, 0.93],
    "must_go": 0.625,
    "budget": {"seconds": 60.0, "queries": 500},
    "seed": 3,
}
GROUPS = {"spaced": {"n": 10, "guarded": 0.2}, "leet": {"n": 30, "guarded": 0.0}}


def put(path: Path, told: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told))


def test_reports_of_this_guard_are_found_wherever_they_lie(tmp_path: Path) -> None:
    guard, build = tmp_path / "guard", tmp_path / "build"
    assert tried(guard, SHA, build) == {}
    put(guard / "attacks" / "tokens.json", TOKENS)
    put(guard / "attacks" / "board.json", {"attacks": {}, "rivals": {}})
    put(guard / "attacks" / "words.json", {**TOKENS, "guard": "b" * 64})
    put(guard / "attacks" / "tokens" / "cher.search.json", {"of": "no report"})
    put(build / "guards" / "celeb100-1" / "attacks" / "pictures.json", {**TOKENS, "must_go": 0.1})
    put(build / "guards" / "celeb100-1" / "attacks" / "tokens.json", {**TOKENS, "must_go": 0.9})
    put(elsewhere(build, SHA) / "disguises.json", {"eraser": "unhype", "guard": SHA, "groups": GROUPS})
    put(elsewhere(build, SHA) / "inversion-1.json", {**TOKENS, "unmonitored": True})
    put(elsewhere(build, SHA) / "inversion-1-allowed.json", {**TOKENS, "inversions": True})
    put(elsewhere(build, SHA) / "concept.json", {**TOKENS, "eraser": "uce"})
    found = tried(guard, SHA, build)
    assert set(found) == {"tokens", "pictures", "disguises"}
    assert found["tokens"]["must_go"] == 0.625, "what lies beside the guard comes first"
    assert set(tried(guard, SHA)) == {"tokens"}


def test_a_damaged_report_is_no_missing_one(tmp_path: Path) -> None:
    (tmp_path / "attacks").mkdir()
    (tmp_path / "attacks" / "tokens.json").write_text("{")
    with pytest.raises(UnhypeError, match="damaged"):
        tried(tmp_path, SHA)


def test_what_counts_is_the_share_of_the_pictures() -> None:
    assert measured(TOKENS) == {"n": 128, "must_go": 0.625}
    assert measured({"groups": GROUPS}) == {"n": 40, "must_go": pytest.approx(0.05)}


def test_an_attack_that_gets_through_fails_and_one_that_does_not_passes() -> None:
    attacks = {
        "tokens": measured(TOKENS),
        "pictures": measured({**TOKENS, "must_go": 0.1}),
        "words": measured({**TOKENS, "n": 4, "must_go": 0.0}),
        "img2img": {"n": 200, "must_go": 0.9},
    }
    found = gates(marks(), attacks=attacks)
    assert (found["attack tokens"].status, found["attack tokens"].n) == ("failed", 128)
    assert found["attack pictures"].status == "passed"
    assert found["attack words"].status == "missing", "64 pictures are too few to pass"
    assert (found["attack img2img"].status, found["attack img2img"].value) == ("not asked", 0.9)
    assert "attacks" not in found


def test_the_page_of_a_version_names_what_was_attacked() -> None:
    without = verdict(marks())
    assert without.passed
    assert "Not attacked: " in without.markdown()
    told = lines({"tokens": TOKENS, "disguises": {"groups": GROUPS}})
    assert told == (
        "tokens: 6 of 8 names, ASR 0.75 [0.41, 0.93]; 60 s and 500 queries a name, seed 3",
        "disguises: 40 pictures in 2 groups, shown at worst in 0.20 (spaced)",
    )
    attacked = replace(without, attacks=told)
    assert f"- {told[0]}" in attacked.markdown()
    assert json.loads(attacked.evidence())["attacks"] == list(told)
    assert attacked.digest != without.digest
    assert LIMITS.attacks < TOKENS["must_go"]
