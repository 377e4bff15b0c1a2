"""The erasure report: all that it must say is on one page that needs no network, and it is kept with the version."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.gates.test_attacked import SHA, TOKENS
from tests.gates.test_gates import verdict
from tests.gates.world import marks
from tests.registry.conftest import _alone, guard, made, record, root, store, tags  # noqa: F401
from unhype.files import sha256
from unhype.gates.absolute import NEAR
from unhype.gates.drawing import draw_verdict
from unhype.gates.marks import KEPT
from unhype.gates.reporting import log_report, write_report
from unhype.registry.deciding import decide
from unhype.registry.gating import Decision, guard_hash
from unhype.registry.models import Version, register
from unhype.registry.resolving import resolve
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import Store


class Page(HTMLParser):
    """What a page asks for, and what it shows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "iframe")
        self.asked += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def version(store: Store, guard: Path, tags: dict[str, str], record: RunRecord, tmp_path: Path) -> Version:  # noqa: F811
    """A rejected version, with its evidence."""
    found = verdict(marks({(NEAR, KEPT): 15}), marks())
    files = (tmp_path / "gates.json", tmp_path / "gates.png")
    files[0].write_text(found.evidence())
    draw_verdict(found, files[1])
    made_of = Decision(found.passed, guard_hash(guard), found.digest, found.reasons, "", found.markdown(), files)
    return decide(store, register(store, guard, "unhype-celeb100", tags, "", log_run(store, record)), made_of)


def test_everything_is_on_one_page(store: Store, version: Version, tmp_path: Path) -> None:  # noqa: F811
    write_report(store, version, tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert len(page.asked) == 2
    assert all(asked.startswith("data:image/png;base64,") for asked in page.asked), "nothing is fetched"
    for words in (
        "models:/unhype-celeb100/1",
        "rejected by its gates",
        "What is forgotten: 1",
        "Elon Musk",
        "0.9250 (0.880–0.954)",
        "concept 0near misses, lost10 of 100 of 10",
        "Not attacked",
        "It does not read pictures that come in",
        "a" * 40,
        "TrainFlow/17",
    ):
        assert words in page.text, words
    folder = resolve(store, version.uri)
    for name in ("guard.safetensors", "guard.json"):
        assert f"{name}{sha256(folder / name)}" in page.text


def test_it_names_what_was_attacked_and_how(store: Store, version: Version, tmp_path: Path) -> None:  # noqa: F811
    """Of a version that was attacked after its gates judged it, too."""
    folder = resolve(store, version.uri)
    card = json.loads((folder / "guard.json").read_text())
    (folder / "guard.json").write_text(json.dumps({**card, "sha256": SHA}))
    (folder / "attacks" / "tokens").mkdir(parents=True)
    (folder / "attacks" / "tokens.json").write_text(json.dumps(TOKENS))
    write_report(store, version, tmp_path / "report.html")
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "tokens: 6 of 8 names, ASR 0.75 [0.41, 0.93]; 60 s and 500 queries a name, seed 3" in text
    assert "Not attacked" not in text


def test_texts_of_a_list_are_escaped(store: Store, version: Version, tmp_path: Path) -> None:  # noqa: F811
    card = resolve(store, version.uri) / "guard.json"
    card.write_text(card.read_text().replace("Elon Musk", "<script>alert(1)</script>"))
    write_report(store, version, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in text
    assert "<script" not in text


def test_it_is_kept_with_the_version_and_linked_once(store: Store, version: Version) -> None:  # noqa: F811
    for _ in range(2):
        log_report(store, version)
    page = store.client.get_model_version("unhype-celeb100", "1").description
    assert len(re.findall(r"\[Erasure report\]", page)) == 1
    there = {file.path for file in store.client.list_artifacts(version.run_id, "gates/unhype-celeb100-1")}
    assert "gates/unhype-celeb100-1/erasure.html" in there
