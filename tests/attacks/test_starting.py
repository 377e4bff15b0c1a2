"""img2img under guard: the person's picture comes in, and the prompt alone is read."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.families import guards, tiny
from tests.families.guards import SET, guard_of
from unhype.adapters.watching import is_guarded
from unhype.attacks.starting import GROUPS, STARTS, Starts, started
from unhype.attacks.victim import Attacked
from unhype.eraser import Nothing
from unhype.erasing.guarded import Guarded
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.judges.judge import Seen

HOW = replace(guards.HOW, steps=4)
JUDGE: Any = SimpleNamespace(
    name="eye", known={"Cher"}, read=lambda pixels: [Seen(("Cher",) if i % 2 else (), True) for i in range(len(pixels))]
)


def test_the_table() -> None:
    table = started(SET, ["Cher", "Adam Driver"])
    assert list(table["group"].unique()) == list(GROUPS)
    assert len(table) == 2 * STARTS * len(GROUPS)
    first = table[table["group"] == "strength 0.3, neutral"]
    assert list(first["prompt"].unique()) == ["a photo of a woman", "a photo of a man"]
    assert all(list(rows["seed"]) == list(first["seed"]) for _, rows in table.groupby("group"))


@pytest.mark.parametrize("build", [tiny.sd1, tiny.flux_schnell])
def test_the_guard_acts_on_img2img_by_the_prompt_alone(build: Any) -> None:
    family = family_of(build())
    guard = guard_of(family)
    guard.trained.facts["base_hash"] = "tiny"
    bare = Nothing(family, "tiny", HOW)
    victim = Attacked(Guarded(family, guard, HOW), bare, family, JUDGE, SET)
    starts, table = Starts(victim, ["Cher"], HOW), started(SET, ["Cher"])
    assert starts.shown == 0.5
    for prompt, same in (("neutral", True), ("named", False)):
        rows = table[table["group"] == f"strength 0.9, {prompt}"]
        guarded, free = starts.draw(victim.eraser, rows), starts.draw(bare, rows)
        assert guarded.shape == starts.pictures["Cher"].shape
        assert np.array_equal(guarded, free) == same
    assert not is_guarded(family.pipeline)
    strong, weak = (table[table["group"] == f"strength {strength}, neutral"] for strength in (0.9, 0.3))
    before = starts.draw(bare, weak)
    assert not np.array_equal(before, starts.draw(bare, strong))
    starts.pictures["Cher"][1:] = starts.pictures["Cher"][0]
    changed = [not np.array_equal(*pair) for pair in zip(starts.draw(bare, weak), before, strict=True)]
    assert changed == [False, True, True, True]  # each picture has its own start


def test_who_draws_with_its_own_pipeline_alone_is_told() -> None:
    closed: Any = SimpleNamespace(name="dve")
    with pytest.raises(UnhypeError, match="got dve"):
        Starts(Attacked(closed, closed, closed, JUDGE, SET), ["Cher"], HOW)
    bare = Nothing(family_of(tiny.sd1()), "tiny", HOW)
    with pytest.raises(UnhypeError, match=r"got 2 steps.*wanted 4 or more"):
        Starts(Attacked(bare, bare, bare.family, JUDGE, SET), ["Cher"], guards.HOW)
    with pytest.raises(UnhypeError, match="can tell"):
        Starts(Attacked(closed, closed, closed, JUDGE, SET), ["Drake"], HOW)
