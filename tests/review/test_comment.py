"""The comment: what stops comes first, lists are only text in it, it fits; and it is written whatever happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.review.conftest import Checkout
from unhype.concepts.diff import Change, SetDiff
from unhype.errors import UnhypeError
from unhype.registry.models import Version
from unhype.review import __main__ as program
from unhype.review import running
from unhype.review.changes import Changes
from unhype.review.checking import Finding
from unhype.review.comment import LARGEST, MARK, Review, comment
from unhype.review.drawn import Drawn
from unhype.review.rerunning import Outcome
from unhype.review.standing import Standing

CHANGES = Changes("main", "0123456789abcdef", {"pop": "edited"})


def gate(name: str, value: float | None, n: int, status: str = "passed", **others: Any) -> dict[str, Any]:
    told = {"name": name, "title": f"the gate {name}", "limit": 0.05, "at_most": True, "why": ""}
    return {**told, "value": value, "n": n, "status": status, "interval": [0.001, 0.018] if n else None, **others}


def standing(**others: Any) -> Standing:
    evidence = {
        "guard": "f" * 64,
        "passed": True,
        "reasons": [],
        "notes": [],
        "champion": "models:/unhype-pop/3",
        "gates": [gate("forgotten", 0.004, 500), gate("aliases", None, 0, "not asked")],
        "differences": [
            {"title": "lost", "new": 0.02, "champion": 0.01, "low": -0.01, "high": 0.03, "n": 500, "passed": True}
        ],
        "regressions": [{"concept": "Ann|Lee", "title": "lost", "new": 3, "champion": 1, "n": 5}],
        **others,
    }
    scores = {
        "base": "mini-sd",
        "base_hash": "a" * 64,
        "concepts": "pop",
        "concepts_hash": "c" * 64,
        "guard": "d" * 64,
        "judge": "mini-judge 1",
        "seeds": [1, 2],
        "sampling": {"steps": 20, "guidance": 4.0},
        "excluded": "nothing",
        "switch_auc": {"retain": 1.0},
        "protocols": {"unseen": {"Acc_e": 0.004, "Acc_e_base": 0.9, "Acc_s": 0.98, "Acc_s_base": 0.99, "H": 0.988}},
        "roles": {"evaluation": {"n": 500}},
    }
    version = Version("unhype-pop", 4, "run", ("challenger",), {})
    theirs = {"protocols": {"unseen": {"Acc_e": 0.006, "Acc_s": 0.97, "H": 0.981}}}
    drawn = [Drawn("the base", 1000, 990, 0, 10)]
    picture, report = Path("unhype-pop.png"), Path("unhype-pop-4.html")
    return Standing(
        "mini-sd",
        "unhype-pop",
        version,
        evidence,
        scores,
        theirs,
        drawn,
        "mlflow.db holds no other version",
        (),
        picture,
        report,
    )


def test_a_guard_that_passed_with_figures_champion_regressions_and_what_reran() -> None:
    diff = SetDiff(added=(Change("retain", "Sting"),), removed=(Change("retain", "Drake"),))
    outcomes = [Outcome("curate@pop", "ran", 3.0), Outcome("erase@mini-sd-pop", "ran", 61.0)]
    told = comment(Review(CHANGES, [], {"pop": diff}, outcomes, {"pop": [standing()]}))
    assert told.startswith(f"{MARK}\n\n## Concept lists: ✓ passed\n")
    for line in (
        "Against `0123456789ab`: **pop** (edited).",
        "### ✓ pop on mini-sd: `models:/unhype-pop/4`, `@challenger`",
        "| Acc_e ↓ forgotten, still shown | 0.0040 (0.001–0.018) | 0.0060 | 0.9000 | 500 |",
        "| Acc_s ↑ never heard of, shown | 0.9800 | 0.9700 | 0.9900 | 500 |",
        "| H ↑ | 0.9880 | 0.9810 | – | – |",
        "| lost | 0.0200 | 0.0100 | +0.0100 (-0.010 to +0.030) | 500 | ✓ passed |",
        r"| Ann\|Lee | lost | 3 of 5 | 1 of 5 |",
        "| the base | 1000 | 990 | 0 | 10 |",
        "```diff\n- retain  Drake\n+ retain  Sting\n```",
        "| `erase@mini-sd-pop` | ran | 61 s |",
        "](unhype-pop.png)",
        "[unhype-pop-4.html](unhype-pop-4.html)",
    ):
        assert line in told
    assert "the gate aliases" not in told, "what nobody asked is no row"


def test_what_is_rejected_alone_or_for_the_first_time() -> None:
    rejected = standing(passed=False, reasons=["forgets too little <b>"], champion="", differences=[], regressions=[])
    told = comment(Review(CHANGES, standings={"pop": [rejected]}))
    assert "## Concept lists: ✗ rejected by the gates" in told
    assert "- forgets too little &lt;b>" in told
    assert "There is no champion to compare with: mlflow.db holds no other version." in told


def test_findings_stop_and_are_all_told_and_warnings_are_folded() -> None:
    findings = [Finding("pop", True, f"retain {i} 'x'", "is doubled", "take one out") for i in range(60)]
    told = comment(Review(CHANGES, [*findings, Finding("pop", False, "forget 'y'", "has no alias")]))
    assert "## Concept lists: ✗ not valid, nothing was trained" in told
    assert told.count("is doubled; take one out") == 50
    assert "and 10 more" in told
    assert "<summary>1 warning</summary>\n\n- pop: forget 'y': has no alias" in told


def test_a_failed_stage_with_its_last_lines_which_no_fence_ends() -> None:
    failed = Outcome("erase@mini-sd-pop", "failed", 9.0, "one\n```\nunhype: got no space left")
    told = comment(Review(CHANGES, outcomes=[failed]))
    assert "✗ a stage failed" in told
    assert "````text\none\n```\nunhype: got no space left\n````" in told


def test_nothing_to_do_a_removal_and_trouble() -> None:
    assert "nothing to judge" in comment(Review(Changes("HEAD", "c" * 40, {})))
    removal = Changes("HEAD", "c" * 40, {"pop": "edited"}, ("soul",), allowed={"pop": ("Prince",)})
    told = comment(Review(removal, trouble="got no answer from MLflow at http://x: @team"))
    assert "**pop** (edited), **soul** (gone)" in told
    assert "⚠ **pop** no longer forgets Prince: accepted with this change." in told
    assert "✗ got no answer from MLflow at http://x: @\u200bteam" in told, "nobody is called"


def test_a_comment_fits_whatever_it_tells() -> None:
    outcomes = [Outcome(f"erase@{i}", "failed", 1.0, "x" * 3000) for i in range(50)]
    told = comment(Review(CHANGES, outcomes=outcomes))
    assert LARGEST < len(told) < 65_000 or len(told) <= LARGEST
    assert "cut off here" in told


def run_program(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["review", *words])
    return program.main()


def test_the_comment_is_written_whatever_happens(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, note = checkout.folder / "build" / "ci" / "comment.md", checkout.folder / "reviewed"
    assert run_program(monkeypatch, "--against", "nowhere", "--since", str(note)) == 2
    assert "got no commit nowhere" in path.read_text(encoding="utf-8")
    assert "review: got no commit nowhere" in capsys.readouterr().err
    assert not note.exists()

    assert run_program(monkeypatch, "--since", str(note)) == 0
    assert "no list has changed" in path.read_text(encoding="utf-8")
    assert note.read_text().strip() == checkout.git("rev-parse", "HEAD").strip()

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(running, "find", broken)
    assert run_program(monkeypatch) == 2
    assert "an error of the program itself: RuntimeError: a bug" in path.read_text(encoding="utf-8")

    monkeypatch.setattr(running, "run", lambda review, *_: review.standings.update(pop=[standing(passed=False)]))
    assert run_program(monkeypatch, "--since", str(note)) == 1, "judged, and not let pass"


@pytest.mark.slow
def test_findings_of_all_lists_before_any_work(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A doubled name, a file that is no YAML, and a concept that is no longer forgotten: each is told what to do."""
    from unhype.concepts.accepting import accept
    from unhype.concepts.loading import load_set

    accept(load_set("soul"), Path("data/accepted/soul.json"))
    checkout.write("pop", "retain: [Amy Adams", "retain: [CHER")
    checkout.write("soul", "  - {concept: Prince, anchor: a man}\n", "")
    (checkout.folder / "data" / "concepts" / "hits.yaml").write_text("forget: [")

    def work(*_: object) -> None:
        raise AssertionError("nothing may be trained")

    monkeypatch.setattr(running, "rerun", work)
    monkeypatch.setattr(running, "open_store", work)
    assert run_program(monkeypatch) == 2
    told = (checkout.folder / "build" / "ci" / "comment.md").read_text(encoding="utf-8")
    assert "✗ not valid, nothing was trained" in told
    assert "pop: retain" in told
    assert "'CHER'" in told
    assert "hits" in told
    assert "unhype concepts accept soul --allow-removal" in told
    assert "review: pop" in capsys.readouterr().err


def test_a_server_that_is_down_is_told_before_any_work(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setattr(running, "check", lambda *_: [])
    monkeypatch.setattr(running, "rerun", lambda *_: pytest.fail("nothing may run"))
    checkout.write("soul", "Drake", "Sting")
    assert run_program(monkeypatch) == 2
    told = (checkout.folder / "build" / "ci" / "comment.md").read_text(encoding="utf-8")
    assert "got no answer from MLflow at http://127.0.0.1:9" in told
    assert run_program(monkeypatch, "--keep-champions") == UnhypeError.exit_code
