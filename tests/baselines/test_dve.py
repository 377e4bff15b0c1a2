"""DVE: its projection against linear algebra, its gate, and its place in a drawing, on a base of each kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.families import tiny
from tests.families.guards import HOW, SET, draw
from unhype.baselines.case import Case
from unhype.baselines.dve import Dve, off, projection
from unhype.erasing.material import Material
from unhype.erasing.phrases import Reading
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.families.text import Text
from unhype.prompts.tables import training_tables

FORGOTTEN, KEPT, BOTH = "a photo of Cher", "a photo of a dog", "a photo of Cher and Adam Driver"


def normal(seed: int) -> torch.Tensor:
    return torch.randn(3, 4, 5, 5, generator=torch.Generator().manual_seed(seed))


def along(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a * b).flatten(1).sum(1) / (a.flatten(1).norm(dim=1) * b.flatten(1).norm(dim=1))


def test_what_is_left_is_orthogonal_to_the_direction_and_all_else_is_as_it_was() -> None:
    v, d, o = normal(0), normal(1), normal(2)
    assert along(off(v, d), d).abs().max() < 1e-6
    assert along(off(v, d, o) - o, d).abs().max() < 1e-6
    assert torch.allclose(off(off(v, d), d), off(v, d), atol=1e-6), "twice is once"
    assert torch.allclose(off(v + 2 * d, d), off(v, d), atol=1e-5), "only what lies along d counts"
    assert torch.equal(off(v, torch.zeros_like(d)), v), "without a direction nothing changes, to the bit"


def test_from_the_anchor_a_concept_alone_becomes_its_anchor() -> None:
    concept, anchor = normal(0), normal(1)
    assert torch.allclose(off(concept, concept - anchor, anchor), anchor, atol=1e-6)


@pytest.fixture(scope="module", params=["sd1", "sdxl", "flux_dev"])
def case(request: pytest.FixtureRequest) -> Case:
    tables, family = training_tables(SET), family_of(tiny.BUILDERS[request.param]())
    nothing = Reading(torch.zeros(1, 1, family.width), torch.zeros(1, 1))
    stuff = Material(["x"], ["x"], nothing, nothing, torch.zeros(1, 1), np.zeros((1, 1), dtype=int))
    return Case(family, "tiny", tables["train"], tables["retain"], stuff, HOW, 0, Path("nowhere"))


def pictures(case: Case, name: str, prompts: list[str]) -> np.ndarray:
    return np.concatenate(list(Dve(name).eraser(case).draw(prompts, range(1, len(prompts) + 1))))


@pytest.mark.parametrize("name", ["dve", "dve_anchored"])
def test_who_holds_a_concept_is_drawn_anew_all_others_to_the_bit_and_the_base_comes_back(case: Case, name: str) -> None:
    prompts = [FORGOTTEN, KEPT, BOTH]
    before = draw(case.family, prompts)
    during = pictures(case, name, prompts)
    assert [not np.array_equal(a, b) for a, b in zip(before, during, strict=True)] == [True, False, True]
    assert np.array_equal(draw(case.family, prompts), before)
    assert "forward" not in vars(case.family.denoiser)


def test_the_gate_finds_every_concept_that_is_said(case: Case) -> None:
    eraser = Dve().eraser(case)
    assert eraser.held([BOTH]) == [["Cher", "Adam Driver"]]
    assert eraser.held([FORGOTTEN])[0] == ["Cher"]
    assert eraser.untouched([FORGOTTEN, KEPT, BOTH]).tolist() == [False, True, False]


def test_a_concept_that_is_its_own_anchor_has_no_direction(case: Case) -> None:
    same = replace(case, train=case.train.assign(anchor=case.train["concept"]))
    assert np.array_equal(pictures(same, "dve", [FORGOTTEN]), draw(case.family, [FORGOTTEN]))


def test_nothing_is_fitted_and_the_list_is_in_its_identity(case: Case) -> None:
    method = Dve()
    assert not list(method.fit(case))
    assert method.cost(case).parameters == 0
    other = replace(case, train=case.train.assign(anchor="a dog"))
    assert len({Dve(name).eraser(one).identity for name in ("dve", "dve_anchored") for one in (case, other)}) == 4
    with pytest.raises(UnhypeError, match="got no retained prompts"):
        method.eraser(replace(case, retain=case.retain.iloc[:0]))


def test_only_the_conditional_rows_are_projected_and_off_the_concept_in_the_very_same_call(case: Case) -> None:
    """Against the definition, with what the denoiser itself was called with."""
    family, calls = case.family, list[Any]()
    watching = family.denoiser.register_forward_hook(
        lambda model, args, named, returned: calls.append((args, named, returned)), with_kwargs=True
    )
    try:
        with projection(family, [FORGOTTEN], [[("Cher", "a woman")]], anchored=False):
            draw(family, [FORGOTTEN], replace(HOW, steps=1))
    finally:
        watching.remove()
    (args, named, returned) = calls[-1]  # the hook sees what the projected forward returned
    with torch.no_grad():
        plain = family.bare_denoiser(*args, **named)[0]
        concept, anchor = (asked(family, args, named, text) for text in ("Cher", "a woman"))
    assert torch.equal(returned[0][:-1], plain[:-1])
    assert torch.allclose(returned[0][-1:], off(plain[-1:], concept - anchor), atol=1e-5)


def asked(family: Family, args: Any, named: dict[str, Any], prompt: str) -> torch.Tensor:
    """What the denoiser says to other words in the last row."""
    rows, text = family.text_in(named), family.encode([prompt])
    new = [
        torch.cat([old[:-1], row])
        for old, row in zip(rows, (text.states, text.pooled), strict=False)
        if row is not None
    ]
    with torch.no_grad():
        found: torch.Tensor = family.bare_denoiser(*args, **family.with_text(named, Text(*new)))[0]
    return found[-1:]
