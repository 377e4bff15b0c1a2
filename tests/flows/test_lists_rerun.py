"""One name is edited: its list alone reruns, pictures stay, and a challenger stands beside the champion."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo

from tests.checkouts import POP, commit, environment
from unhype.registry.models import versions
from unhype.registry.store import Store, open_store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]  # four minutes alone, more beside other work


def review(place: Path) -> tuple[int, str, str]:
    """``make ci-concepts``: exit code, all output, the comment."""
    bins = Path(sys.executable).parent
    # Set up already, by other means: nothing is installed.
    command = ["make", "-o", ".venv/.installed", "ci-concepts", f"BIN={bins}"]
    done = subprocess.run(
        command,
        cwd=place,
        env=environment(place),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    comment = place / "build" / "ci" / "comment.md"
    return done.returncode, done.stdout, comment.read_text(encoding="utf-8") if comment.exists() else ""


def stages(comment: str) -> dict[str, str]:
    """Stage → what became of it."""
    return dict(re.findall(r"^\| `([\w@-]+)` \| (\w+) \|", comment, re.MULTILINE))


def pictures(comment: str) -> dict[str, tuple[int, ...]]:
    """Who → pictures that were needed, there already, new and the base's own, drawn."""
    rows = re.findall(r"^\| (the base|this version|the champion) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|", comment, re.M)
    return {who: tuple(map(int, numbers)) for who, *numbers in rows}


def promote(store: Store, name: str, number: int) -> None:
    """What a person does in MLflow's UI."""
    store.client.set_registered_model_alias(name, "champion", str(number))


def test_an_edited_name_reruns_its_list_and_ends_in_a_challenger_beside_the_champion(checkout: Path) -> None:
    (checkout / "data" / "concepts" / "pop.yaml").write_text(POP)
    code, told, comment = review(checkout)
    assert code == 0, told[-4000:]
    own = {"lists", "curate@pop", "prompts@pop", "erase@mini-sd-pop"}
    assert stages(comment) == dict.fromkeys(own, "ran"), "a new list needs no other file, and disturbs no other list"
    assert "**pop** (new)" in comment
    assert re.search(r"There is no champion to compare with: .* holds no other version of unhype-pop\.", comment)
    store = open_store(checkout)
    (first,) = versions(store, "unhype-pop")
    assert first.aliases == ("challenger",)
    promote(store, "unhype-pop", 1)
    commit(checkout, "the first version")

    (checkout / "data" / "concepts" / "pop.yaml").write_text(POP.replace("Drake", "Sting"))
    code, told, comment = review(checkout)
    assert code == 0, told[-4000:]
    assert stages(comment) == dict.fromkeys(own, "ran")
    with Repo(str(checkout)) as repo:
        left = {name for name in repo.status() if name == "lists" or name.endswith(("pop", "soul"))}
    assert left == {"curate@soul", "prompts@soul", "erase@mini-sd-soul"}, "what was never asked for never ran"
    assert "soul" not in comment

    new, old = versions(store, "unhype-pop")
    assert (new.number, new.aliases, old.aliases) == (2, ("challenger",), ("champion",))
    assert new.tags["gate_champion"] == "models:/unhype-pop/1"
    assert "### ✓ pop on mini-sd: `models:/unhype-pop/2`, `@challenger`" in comment
    assert "Beside the champion `models:/unhype-pop/1`, on the same prompts and seeds:" in comment
    assert "- retain  Drake" in comment
    assert "+ retain  Sting" in comment

    counted = pictures(comment)
    for needed, there, same, drawn in counted.values():
        assert needed == there + same + drawn
    base, champion = counted["the base"], counted["the champion"]
    assert counted["this version"][1] == 0, "another guard has pictures of its own"
    assert 0 < base[3] < base[0] / 2, "what others are asked for was drawn before"
    assert champion[1] == champion[0], "the name stands in no prompt of the gates"

    folder = checkout / "build" / "ci"
    (shown,) = re.findall(r"!\[[^]]*\]\(([\w-]+\.png)\)", comment)
    assert 1000 < (folder / shown).stat().st_size <= 60_000
    assert "models:/unhype-pop/2" in (folder / "unhype-pop-2.html").read_text(encoding="utf-8")

    code, told, comment = review(checkout)
    assert code == 0, told[-4000:]
    assert stages(comment) == dict.fromkeys(own, "skipped")
    assert "/2`, `@challenger`" in comment
    assert len(versions(store, "unhype-pop")) == 2
