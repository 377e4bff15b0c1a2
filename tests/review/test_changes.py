"""Which lists a change touches, by git: edited, new and gone ones, those that extend them, and settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.review.conftest import SETTINGS, Checkout
from unhype.concepts.accepting import accept
from unhype.concepts.loading import load_set
from unhype.errors import UnhypeError
from unhype.review.changes import find
from unhype.review.running import last


def test_an_edit_touches_the_list_and_those_that_extend_it(checkout: Checkout) -> None:
    assert find("HEAD").why == {}
    checkout.write("pop", "Drake", "Sting")
    changes = find("HEAD")
    assert changes.why == {"pop": "edited", "hits": "extends a list that was edited"}
    assert changes.older["pop"].retain == ("Amy Adams", "Drake")
    assert "Drake" in changes.older["hits"].retain, "what it extends is what it was, too"
    checkout.write("pop", "forget:", "# a remark\nforget:")
    assert find("HEAD").why == {"pop": "edited"}, "a remark is for DVC to judge, and touches nobody else"


def test_commits_branches_and_the_working_tree_are_compared_alike(checkout: Checkout) -> None:
    first = checkout.commit()
    checkout.write("soul", "Drake", "Sting")
    second = checkout.commit()
    assert find("HEAD").why == {}
    assert find("HEAD^1").why == find(first).why == {"soul": "edited"}
    checkout.write("jazz")
    changes = find(second)
    assert changes.why == {"jazz": "new"}, "nobody has added it to git yet"
    assert changes.commit == second
    assert "jazz" not in changes.older


def test_a_list_that_is_gone_and_one_that_nobody_can_read(checkout: Checkout) -> None:
    (checkout.folder / "data" / "concepts" / "soul.yaml").unlink()
    (checkout.folder / "data" / "concepts" / "pop.yaml").write_text("forget: [")
    changes = find("HEAD")
    assert changes.gone == ("soul",)
    assert changes.why["pop"] == "edited"


@pytest.mark.parametrize(
    ("settings", "blocks"),
    [
        (SETTINGS.replace("steps: 2", "steps: 3").replace("least: 1", "least: 2"), ("sampling", "gates")),
        (SETTINGS.replace("seed: 1", "seed: 2"), ()),
        (SETTINGS + " # a remark", ()),
    ],
)
def test_settings_touch_all_lists_where_they_shape_a_guard_or_its_verdict(
    checkout: Checkout, settings: str, blocks: tuple[str, ...]
) -> None:
    (checkout.folder / "params.yaml").write_text(settings)
    changes = find("HEAD")
    assert changes.settings == blocks
    assert set(changes.why) == ({"hits", "pop", "soul"} if blocks else set())
    assert all(why == f"other settings: {', '.join(blocks)}" for why in changes.why.values())


def test_a_removal_that_was_accepted_is_told(checkout: Checkout) -> None:
    accepted = Path("data/accepted/pop.json")
    accept(load_set("pop"), accepted)
    checkout.commit()
    checkout.write("pop", "  - {concept: Prince, anchor: a man}\n", "")
    assert find("HEAD").allowed == {}, "nobody has accepted it yet"
    accept(load_set("pop"), accepted, allow_removal=True)
    assert find("HEAD").allowed == {"pop": ("Prince",)}
    assert json.loads(accepted.read_text())["forget"][0]["concept"] == "Cher"


def test_what_git_cannot_tell_is_said_with_what_to_do(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = checkout.git("rev-parse", "HEAD").strip()
    checkout.commit()
    with pytest.raises(UnhypeError, match=r"got no commit nowhere, wanted a branch, tag or commit"):
        find("nowhere")
    with pytest.raises(UnhypeError, match="got no commit --help"):
        find("--help")
    checkout.git("clone", "--quiet", "--depth", "1", f"file://{checkout.folder}", "shallow", folder=tmp_path)
    monkeypatch.chdir(tmp_path / "shallow")
    with pytest.raises(UnhypeError, match=r"got a shallow clone without the commit \w+, .* fetch-depth: 0"):
        find(first)
    (tmp_path / "bare").mkdir()
    monkeypatch.chdir(tmp_path / "bare")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with pytest.raises(UnhypeError, match="got no git repository in"):
        find("HEAD")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnhypeError, match="install git"):
        find("HEAD")


def test_what_was_reviewed_last_comes_first_unless_git_lost_it(checkout: Checkout) -> None:
    note = checkout.folder / "reviewed"
    assert last(None) == last(note) == ""
    note.write_text(f"{checkout.commit()}\n")
    assert last(note) == note.read_text().strip()
    note.write_text("0" * 40)
    assert last(note) == ""
