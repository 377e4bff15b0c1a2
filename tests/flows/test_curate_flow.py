"""A list is curated: validated, compared with its accepted form, profiled; a broken rule is refused, with a card."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.flows.test_train_flow import ROOT, SETTINGS, TOY, flow

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("curate")
    (place / "data" / "concepts").mkdir(parents=True)
    for part in ("bases", "judges"):
        (place / "data" / part).symlink_to(ROOT / "data" / part)
    (place / "params.yaml").write_text(SETTINGS)
    return place


def curate(place: Path, text: str, *more: str) -> tuple[int, str]:
    (place / "data" / "concepts" / "toy.yaml").write_text(text)
    where = {"--data": "data", "--build": "build", "--store": "store", "--settings": "params.yaml"}
    options = [text for option, name in where.items() for text in (option, str(place / name))]
    done: subprocess.CompletedProcess[str]
    done = flow(place, "run", *options, "--concepts", "toy", *more, file="curate_flow.py")
    told = done.stdout + done.stderr
    assert "Traceback" not in told
    return done.returncode, told


def card(place: Path) -> bool:
    done = flow(place, "card", "get", "curate", str(place / "card.html"), file="curate_flow.py")
    return done.returncode == 0 and (place / "card.html").stat().st_size > 100_000


def test_what_changes_is_told_and_a_removal_is_meant(place: Path) -> None:
    code, told = curate(place, TOY, "--accept", "true")
    assert code == 0, told[-3000:]
    accepted = place / "data" / "accepted" / "toy.json"
    assert [each["concept"] for each in json.loads(accepted.read_text())["forget"]] == ["Cher", "Prince"]
    assert card(place)
    assert not (place / "data" / "prompts").exists(), "nothing but the accepted form is written into data"
    shorter = TOY.replace("  - {concept: Prince, anchor: a man}\n", "")
    code, told = curate(place, shorter)
    assert code == 0
    assert "- forget  Prince → a man" in told
    code, told = curate(place, shorter, "--accept", "true")
    assert code != 0
    assert "without Prince" in told
    assert "Prince" in accepted.read_text()
    code, told = curate(place, shorter, "--accept", "true", "--allow-removal", "true")
    assert code == 0, told[-3000:]
    assert "Prince" not in accepted.read_text()


def test_a_broken_rule_is_shown_and_refused(place: Path) -> None:
    code, told = curate(place, TOY.replace("retain: [Amy Adams", "retain: [CHER"))
    assert code != 0
    assert "rule not_forgotten" in told
    assert card(place)
