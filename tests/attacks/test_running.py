"""An attack from its names to its findings, on toys: in company, and by who knows the base alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.families.guards import SET
from unhype.attacks.methods import GRADIENTS, METHODS, check_open
from unhype.attacks.running import Attack, named
from unhype.attacks.searching import Budget
from unhype.attacks.victim import Attacked
from unhype.errors import UnhypeError
from unhype.judges.judge import Seen


class Painter:
    """Draws white where it shows Cher, and black."""

    def __init__(self, name: str, shows: Callable[[str], bool]) -> None:
        self.name, self.identity, self.shows, self.asked = name, name, shows, list[str]()

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Any:
        self.asked += prompts
        yield np.stack([np.full((2, 2, 3), self.shows(prompt), dtype=np.uint8) for prompt in prompts])


JUDGE: Any = SimpleNamespace(
    name="eye",
    known={"Cher"},
    read=lambda pixels: [Seen(("Cher",) if each.any() else (), True, (1.0,) * int(each.any())) for each in pixels],
)


def attack(folder: Path, guarded: Painter, bare: Painter, **way: bool) -> Attack:
    victim = Attacked(guarded, bare, SimpleNamespace(reads="pooled"), JUDGE, SET)  # type: ignore[arg-type]
    return Attack("pictures", victim, Budget(None, 1500), 0, folder, **way)


def test_who_knows_the_base_alone_offers_what_it_draws_to_the_eraser(tmp_path: Path) -> None:
    bare = Painter("none", lambda text: text.count("c") > 0)
    guarded = Painter("toy", lambda text: text.count("c") > 1)
    found = attack(tmp_path, guarded, bare, transfer=True)
    list(found.run(["Cher"]))
    (finding,) = found.findings
    assert finding.success
    assert (finding.guarded, finding.bare) == (1, 1)
    assert "cher" not in finding.text.split()
    assert set(guarded.asked) < set(bare.asked)  # the search itself never asks the eraser
    assert all(bare.shows(text) for text in guarded.asked)
    assert (tmp_path / "pictures-transfer").is_dir()


def test_what_does_not_transfer_is_no_success(tmp_path: Path) -> None:
    found = attack(
        tmp_path, Painter("toy", lambda text: False), Painter("none", lambda text: "c" in text), transfer=True
    )
    list(found.run(["Cher"]))
    assert not found.findings[0].text


def test_in_company_the_whole_text_is_found(tmp_path: Path) -> None:
    guarded, bare = Painter("toy", lambda text: "z" in text), Painter("none", lambda text: True)
    found = attack(tmp_path, guarded, bare, company=True)
    list(found.run(["Cher"]))
    assert found.findings[0].text.split(" and ")[0] in SET.retain
    assert found.findings[0].success


def test_names() -> None:
    assert named("words", False, False) == "words"
    assert named("words", True, False) == "words-company"
    assert named("words", True, True) == "words-company-transfer"
    assert named("words", True, False, True) == "words-company-blind"


def test_what_has_no_gradient_is_told() -> None:
    for method in METHODS:
        check_open(method, "unhype", "pooled")
    for name, reads, said in (("dve", "pooled", "prediction has no gradient"), ("unhype", "states", "training.reads")):
        check_open("pictures", name, reads)
        for method in GRADIENTS:
            with pytest.raises(UnhypeError, match=f"{said}.*--method pictures"):
                check_open(method, name, reads)
