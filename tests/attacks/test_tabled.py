"""Known prompts, drawn on both sides and looked at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from unhype.attacks.tabled import look, looked
from unhype.gates.intervals import wilson
from unhype.judges.judge import Seen
from unhype.prompts.rows import Asked, table_of


class Painter:
    """Shows what it is asked for where a prompt has one of its words."""

    def __init__(self, *words: str) -> None:
        self.words, self.drawn, self.identity = words, 0, " ".join(words)

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Any:
        self.drawn += len(prompts)
        for prompt in prompts:
            yield np.full((1, 2, 2, 3), any(word in prompt for word in self.words), dtype=np.uint8)


def test_each_group_is_drawn_on_both_sides_and_only_once(tmp_path: Path) -> None:
    texts = {"plain": ["Cher", "the Cher"], "upper case": ["CHER"]}
    rows = [(Asked(group, text, ("Cher",)), "a photo of {}", 1) for group, some in texts.items() for text in some]
    table = table_of(rows, "evaluation")
    judge = SimpleNamespace(
        name="eye", read=lambda pixels: [Seen(("Cher",) if picture.any() else ("Drake",), True) for picture in pixels]
    )
    guarded, bare = Painter("the Cher"), Painter("Cher", "CHER")
    victim: Any = SimpleNamespace(eraser=guarded, bare=bare, judge=judge)
    for _ in range(2):
        assert [each.done for each in look(victim, table, tmp_path)] == [0, 1, 2]
        assert (guarded.drawn, bare.drawn) == (3, 3)
    found = looked(table, tmp_path)
    assert found["plain"] == {"n": 2, "guarded": 0.5, "bare": 1.0, "interval": wilson(0.5, 2), "text": "Cher"}
    assert (found["upper case"]["guarded"], found["upper case"]["bare"]) == (0.0, 1.0)
    guarded.identity = "another"
    list(look(victim, table, tmp_path))
    assert guarded.drawn == 6


def test_of_several_forgotten_in_one_scene_any_is_one_too_many(tmp_path: Path) -> None:
    table = table_of([(Asked("scene", "Cher and Drake", ("Cher", "Drake")), "{}", 1)], "evaluation")
    judge = SimpleNamespace(
        name="eye", read=lambda pixels: [Seen(("Bono", "Drake") if each.any() else ("Bono",), True) for each in pixels]
    )
    victim: Any = SimpleNamespace(eraser=Painter("Cher"), bare=Painter("nobody"), judge=judge)
    list(look(victim, table, tmp_path))
    assert (looked(table, tmp_path)["scene"]["guarded"], looked(table, tmp_path)["scene"]["bare"]) == (1.0, 0.0)
