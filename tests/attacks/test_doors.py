"""Every door for learned embeddings, with those of a forgotten name: it is closed, or, if that was asked for, read."""

from __future__ import annotations

import numpy as np
import pytest

from tests.attacks.test_inversion import JUDGE
from tests.families import tiny
from tests.families.guards import HOW, SET, draw, guard_of
from unhype.attacks.doors import DOORS, through
from unhype.attacks.objective import PROMPT
from unhype.attacks.victim import Attacked
from unhype.eraser import Nothing
from unhype.erasing.guarded import Guarded
from unhype.families.choosing import family_of
from unhype.families.family import Family

SEEDS = [1, 2]
CLOSED = {"prompt_embeds"}


@pytest.fixture(scope="module", params=["sd1", "sd2"])
def victim(request: pytest.FixtureRequest) -> Attacked:
    family = family_of(tiny.BUILDERS[request.param]())
    return victim_of(family, inversions=True)


def victim_of(family: Family, inversions: bool) -> Attacked:
    guard = guard_of(family, inversions=inversions)
    guard.trained.facts["base_hash"] = "tiny"
    return Attacked(Guarded(family, guard, HOW), Nothing(family, "tiny", HOW), family, JUDGE, SET)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", ["Cher", "Adam Driver"])
def test_a_door_is_closed_or_what_it_says_is_read_like_the_name(victim: Attacked, name: str, door: str) -> None:
    """To a level of 255: the vectors are those of the name's own tokens, so the base draws the same, and the guard."""
    family = victim.family
    ids = family.pipeline.tokenizer(name, add_special_tokens=False).input_ids
    vectors = family.pipeline.text_encoder.get_input_embeddings().weight[ids].detach().clone()
    named = [PROMPT.format(name)] * len(SEEDS)
    bare, forgotten = draw(family, named), np.concatenate(list(victim.eraser.draw(named, SEEDS)))
    assert np.abs(bare.astype(int) - forgotten).max() > 20
    let = through(door, victim.bare, family, vectors, SEEDS, HOW)
    assert isinstance(let, np.ndarray)
    assert np.abs(let.astype(int) - bare).max() <= 1
    guarded = through(door, victim.eraser, family, vectors, SEEDS, HOW)
    if door in CLOSED:
        assert isinstance(guarded, str)
        assert guarded.startswith("got ")
        assert "\n" not in guarded
    else:
        assert isinstance(guarded, np.ndarray)
        assert np.abs(guarded.astype(int) - forgotten).max() <= 1
    assert np.array_equal(draw(family, named), bare)


@pytest.mark.parametrize("door", DOORS)
def test_every_door_is_closed_where_nobody_asked_for_inversions(victim: Attacked, door: str) -> None:
    """Whatever the vectors are: these are a dog's."""
    family, seeds = victim.family, SEEDS[:1]
    ids = family.pipeline.tokenizer("dog", add_special_tokens=False).input_ids
    vectors = family.pipeline.text_encoder.get_input_embeddings().weight[ids].detach().clone()
    before = draw(family, ["a dog"])
    said = through(door, victim_of(family, inversions=False).eraser, family, vectors, seeds, HOW)
    assert isinstance(said, str)
    assert said.startswith("got ")
    assert "\n" not in said
    assert np.array_equal(draw(family, ["a dog"]), before)
