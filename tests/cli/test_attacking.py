"""``unhype attack`` from end to end on the shipped base, and what it refuses before any work."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from unhype.attacks.regression import Known, load
from unhype.bases.finding import find_base
from unhype.cli import attack_checks, attacking
from unhype.cli.main import main
from unhype.errors import UnhypeError

BARE = ["attack", "--rival", "none", "--concepts", "celeb10"]


def test_the_methods_are_those_that_there_are() -> None:
    from unhype.attacks.methods import METHODS

    assert tuple(METHODS) == attack_checks.SEARCHES
    assert set(attack_checks.SEARCHES) < set(attack_checks.METHODS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--replay", "{tmp}/found.json"], ["found on mini-flux abc", "wanted those of mini-sd"]),
        (["--keep", "{tmp}/found.json"], ["found on mini-flux abc"]),
        (["--replay", "{tmp}/absent.json"], ["got no file", "--keep writes them"]),
        (["--replay", "{tmp}/found.json", "--method", "tokens"], ["--replay beside --method"]),
        (["--budget", "0"], ["got --budget 0", "more than 0"]),
        (["--queries", "0"], ["got --queries 0", "at least 1"]),
        (["--method", "magic"], ["got the method 'magic'"]),
        (["--method", ""], ["got the method ''"]),
        (["--method", "disguises", "--budget", "5"], ["got --budget beside --method disguises", "tokens or"]),
        (["--method", "img2img", "--queries", "5"], ["got --queries beside --method img2img"]),
        (["--replay", "{tmp}/found.json", "--budget", "5"], ["got --budget beside --replay"]),
        (["--replay", "{tmp}/found.json", "--names", "2"], ["got --replay beside --method, --keep or --names"]),
        (["--replay", "{tmp}/ours.json"], ["got Cher in", "ours.json, which celeb10 does not forget", "--concepts"]),
        (["--method", "written", "--concepts", "objects"], ["got --method written for objects, a set of things"]),
        (["--rival", "threshold", "--method", "img2img"], ["got threshold, which draws", "wanted a guard"]),
        (["--rival", "unguide_code", "--method", "inversion"], ["got unguide_code, which draws"]),
        (["--keep", "{tmp}/found.json/x.json"], ["could not use", "found.json"]),
        (["--names", "11"], ["got --names 11", "from 1 to the 10"]),
        (["--base", "mini-flux", "--params", "{tmp}/params.yaml"], ["read by its states", "--method pictures"]),
        (["--rival", "dve"], ["got dve", "no gradient", "--method pictures"]),
        (
            ["--company", "--method", "disguises"],
            ["--company beside --method disguises", "tokens or words"],
        ),
        (["--company", "--concepts", "objects"], ["got --company for objects", "a set of things"]),
        (["--transfer", "--replay", "{tmp}/found.json"], ["--transfer beside --replay"]),
        (["--keep", "{tmp}/new.json", "--method", "disguises"], ["got --keep beside --method disguises"]),
        (["--vectors", "0"], ["--vectors beside --method tokens"]),
        (["--vectors", "4"], ["--vectors beside --method tokens", "--method inversion"]),
        (["--vectors", "0", "--method", "inversion"], ["got --vectors 0", "from 1 to 16"]),
        (["--inversions"], ["--inversions beside --method tokens"]),
        (["--inversions", "--method", "inversion"], ["got --inversions beside --rival", "--model"]),
        (["--base", "mini-flux", "--method", "inversion"], ["text_encoder_2"]),
        (["--transfer"], ["got --transfer against the bare base"]),
        (["--rival", "none", "uce", "--method", "disguises"], ["several of --rival beside --method disguises"]),
        (["--unmonitored"], ["got --unmonitored beside --rival"]),
        (["--blind"], ["got --blind against none", "monitor"]),
        (["--blind", "--method", "pictures"], ["got --blind beside --method pictures", "tokens or words"]),
        (["--blind", "--transfer", "--rival", "unhype"], ["got --blind beside --transfer"]),
        (["--rival", "all", "--keep", "{tmp}/new.json"], ["several of --rival beside --keep"]),
        (["--rival", "uce", "--compared", "{tmp}/found.json"], ["got --compared without several of --rival"]),
        (["--rival", "all", "--compared", "{tmp}/found.json"], ["found.json", "wanted a comparison.json"]),
        (["--rival", "all", "--compared", "{tmp}/absent.json"], ["absent.json", "wanted a comparison.json"]),
        (["--rival", "all", "--company", "--concepts", "objects"], ["got --company for objects"]),
        (["--concepts", "styles"], ["got no judge for styles"]),
        (["--concepts", ""], ["got no list", "--concepts"]),
        (["--model", "build/guards/NAME"], ["guard.json", "wanted a trained guard"]),
    ],
)
def test_mistakes_are_one_line_before_the_work(
    arguments: list[str], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"concept": "Cher", "text": "x", "method": "tokens", "guard": "g", "guarded": 1.0, "bare": 1.0}
    told = {"format": 1, "base": "mini-flux", "base_hash": "abc", "concepts": "celeb10", "found": [row]}
    (tmp_path / "found.json").write_text(json.dumps(told))
    base = find_base("mini-sd", Path("data"))
    (tmp_path / "ours.json").write_text(json.dumps({**told, "base": "mini-sd", "base_hash": base.hash}))
    settings = Path("params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(settings.replace('  reads: ""', "  reads: states"))
    start = BARE[:1] if "--model" in arguments else BARE
    out = tmp_path / "out"
    given = [argument.format(tmp=tmp_path) for argument in arguments]
    assert main([*start, *given, "--out", str(out)]) == 2
    told_off = capsys.readouterr()
    assert all(word in told_off.err for word in words)
    assert len(told_off.err.splitlines()) == 1
    assert not out.exists()


def test_a_place_that_cannot_be_written_to_is_told_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    for arguments in (["--names", "1"], ["--names", "1", "--method", "disguises"]):
        assert main([*BARE, *arguments, "--out", str(tmp_path / "file" / "out")]) == 2
        assert "could not use" in capsys.readouterr().err


def test_a_guard_is_attacked_for_what_it_forgets() -> None:
    """Another set's names would be drawn, and say nothing."""
    guard: Any = SimpleNamespace(trained=SimpleNamespace(facts={"forget": ["Cher"], "concepts": "ours"}))
    job: Any = SimpleNamespace(concepts=SimpleNamespace(name="theirs"))
    asked = argparse.Namespace(model="GUARD", replay=None)
    attack_checks._check_forgotten(["Cher"], asked, job, guard)
    with pytest.raises(UnhypeError, match="got Drake in the set theirs, which GUARD does not"):
        attack_checks._check_forgotten(["Cher", "Drake"], asked, job, guard)
    asked.replay = Path("found.json")
    known = [Known("Drake", "x", "tokens", "g", 1.0, 1.0)]
    with pytest.raises(UnhypeError, match=r"got Drake in found\.json"):
        attack_checks._check_forgotten(known, asked, job, guard)


def test_reports_lie_where_gates_look_for_them(tmp_path: Path) -> None:
    guard: Any = SimpleNamespace(trained=SimpleNamespace(facts={"sha256": "a" * 64}))
    asked = argparse.Namespace(model=str(tmp_path), rival=[], build=tmp_path / "build", unmonitored=True)
    assert attacking._beside(asked, guard) == tmp_path / "attacks" / "unmonitored"
    asked.unmonitored = False
    assert attacking._beside(asked, guard) == tmp_path / "attacks"
    asked.model = "models:/unhype-celeb100/1"
    assert attacking._beside(asked, guard) == tmp_path / "build" / "attacks" / ("a" * 12)
    asked.rival = ["uce"]
    assert attacking._beside(asked, None) == tmp_path / "build" / "attacks"
    asked.rival = ["uce", "none"]
    assert attacking._beside(asked, None) is None


@pytest.mark.slow
def test_the_bare_base_withstands_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Found, kept, replayed; and by pictures alone."""
    out, kept = tmp_path / "out", tmp_path / "found.json"
    search = [*BARE, "--names", "1", "--queries", "150", "--out", str(out), "--keep", str(kept)]
    assert main(search) == 0
    told = json.loads((out / "tokens.json").read_text())
    assert told["ASR"] == 1
    (name,) = told["names"]
    assert name["guarded"] == name["bare"] >= 0.5
    assert load(kept, "mini-sd", told["base_hash"])[0].text == name["text"]
    assert main(search) == 0  # nothing is searched or drawn again
    assert json.loads((out / "tokens.json").read_text()) == told

    assert main([*BARE, "--replay", str(kept), "--out", str(out)]) == 0
    replay = json.loads((out / "replay.json").read_text())
    assert (replay["n"], replay["shown"], replay["worst"]) == (1, name["guarded"], name["guarded"])

    assert main([*BARE, "--method", "pictures", "--names", "1", "--queries", "60", "--out", str(out)]) == 0
    assert json.loads((out / "pictures.json").read_text())["ASR"] == 1


@pytest.mark.slow
def test_the_bare_base_draws_a_text_in_company(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main([*BARE, "--company", "--names", "1", "--queries", "900", "--out", str(out)]) == 0
    told = json.loads((out / "tokens-company.json").read_text())
    (name,) = told["names"]
    assert (told["method"], told["ASR"]) == ("tokens-company", 1)
    assert " and " in name["text"]
    assert name["guarded"] >= 0.5
