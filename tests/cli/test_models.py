"""``unhype models``: what people type, what they read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.registry.conftest import _alone, guard, made, record, root, store, tags  # noqa: F401
from tests.registry.test_gating import NAME, alias, four  # noqa: F401
from unhype.cli.main import main
from unhype.registry.models import Version
from unhype.registry.store import Store


@pytest.fixture
def say(four: list[Version], store: Store, capsys: pytest.CaptureFixture[str]):  # noqa: F811
    """Run a command on a store with four versions, the third rejected, the second champion."""
    alias(store, NAME, 2)

    def run(*words: str, code: int = 0) -> str:
        assert main(["models", *words, "--root", str(store.root)]) == code
        told = capsys.readouterr()
        return told.err if code else told.out

    return run


def test_list_and_show(say) -> None:
    lines = say("list").splitlines()
    assert lines[0] == NAME
    assert [line.split() for line in lines[1:]] == [
        ["4", "passed", "celeb100", "c" * 12, "@challenger"],
        ["3", "rejected", "celeb100", "c" * 12],
        ["2", "passed", "celeb100", "c" * 12, "@champion"],
        ["1", "passed", "celeb100", "c" * 12],
    ]
    told = say("show", f"{NAME}/3")
    assert told.startswith(f"models:/{NAME}/3\n\n# Card\n\n## Gates")
    assert "drift: got 0.1" in told
    assert say("show", f"models:/{NAME}@champion").startswith(f"models:/{NAME}/2  @champion")


def test_compare_and_lineage(say, store: Store) -> None:  # noqa: F811
    told = say("compare", f"{NAME}/3", f"{NAME}@champion")
    assert "forgets 1 and 1, 1 of them in common" in told
    assert f"| figure | models:/{NAME}/3 | models:/{NAME}/2 |" in told
    assert "| unseen/H | 0.9000 | 0.9000 |" in told
    told = say("lineage", f"{NAME}/4")
    facts = dict(line.split(maxsplit=1) for line in told.splitlines())
    assert facts["git_commit"] == "a" * 40
    assert facts["metaflow_run"] == "TrainFlow/17"
    assert facts["params.training.steps"] == "2"
    assert "the same concepts" in told
    told = say("lineage", "--concept", "elon MUSK")
    assert told.endswith("4 versions forget elon MUSK\n")
    assert f"models:/{NAME}/2  passed  @champion" in told
    assert "0 versions" in say("lineage", "--concept", "Cher")


def test_reconcile_and_rollback(say, store: Store) -> None:  # noqa: F811
    assert say("reconcile") == "all aliases are on versions that passed their gates\n"
    alias(store, NAME, 3)
    assert f"models:/{NAME}/2 is @champion again" in say("reconcile", NAME)
    alias(store, NAME, 4)
    assert say("rollback", NAME) == f"models:/{NAME}/2 is @champion\n"
    assert say("rollback", NAME, "--to", "1") == f"models:/{NAME}/1 is @champion\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["show", "nobody/1"], "got the model 'nobody'"),
        (["show", f"{NAME}/9"], f"got version 9 of {NAME}, wanted one of 1, 2, 3, 4"),
        (["show", NAME], "wanted models:/<name>/<number>"),
        (["rollback", NAME, "--to", "3"], "rejected by its gates"),
        (["lineage"], "got both or neither"),
    ],
)
def test_mistakes_are_one_line(say, words: list[str], told: str) -> None:
    said = say(*words, code=2)
    assert told in said
    assert said.count("\n") == 1


def test_where_there_is_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--root", str(tmp_path)]) == 2
    assert "wanted the store of a project with trained models" in capsys.readouterr().err
