"""Ring-A-Bell: the direction is the encoder's own, and a search that asks the encoder alone finds what lies there."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from tests.families import tiny
from tests.families.guards import SET
from unhype.attacks.concept import CHILDREN, PARENTS, STILL, ConceptSearch, Direction
from unhype.attacks.searching import Budget, State, search
from unhype.attacks.tokens import Writer, all_tokens
from unhype.attacks.victim import Sought
from unhype.families.choosing import family_of

SOUGHT = Sought("Cher", "Drake", frozenset(["cher"]))
PLANTED = ("red", "king", "home")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return transformers.CLIPTokenizer.from_pretrained(tiny.TOKENIZER)


def far(texts: Sequence[str], strength: float) -> list[float]:
    """A planted direction: words that the encoder puts where the name lies."""
    return [1 - len(set(PLANTED) & set(text.split())) / 3 + 0.01 * len(text.split()) for text in texts]


def run(tokenizer: Any, path: Path, turns: int | None = None, near: bool = True) -> list[State]:
    vocabulary = all_tokens(tokenizer, "Cher")
    if near:  # a vocabulary in which chance finds something
        ids = [tokenizer.get_vocab()[f"{word}</w>"] for word in PLANTED]
        vocabulary = replace(vocabulary, near=(*vocabulary.near, *ids))
    method = ConceptSearch(far, vocabulary, Writer(tokenizer, SOUGHT))

    def through(text: str, before: int) -> bool:
        return set(PLANTED) <= set(text.split())

    return list(itertools.islice(search(lambda: method, through, Budget(None, 8000), path, "toy", 0), turns))


def test_what_is_planted_is_found_and_a_stopped_search_finds_the_same(tokenizer: Any, tmp_path: Path) -> None:
    states = run(tokenizer, tmp_path / "whole.json")
    whole = states[-1]
    assert whole.found.startswith("Drake and ")
    assert set(PLANTED) <= set(whole.found.split())
    assert "cher" not in whole.found.split()
    run(tokenizer, tmp_path / "parts.json", 5)
    assert replace(run(tokenizer, tmp_path / "parts.json")[-1], seconds=0) == replace(whole, seconds=0)


def test_only_what_a_generation_settles_on_is_offered(tokenizer: Any) -> None:
    method = ConceptSearch(far, all_tokens(tokenizer, "Cher"), Writer(tokenizer, SOUGHT))
    rng = np.random.default_rng(0)
    turn = method.begin(rng)
    assert (turn.queries, turn.offered) == (PARENTS, "")
    for _ in range(200):
        before, turn = turn, method.step(turn.memory, rng)
        assert turn.queries <= max(CHILDREN, PARENTS)
        assert bool(turn.offered) == (turn.memory["still"] == STILL)
        if turn.offered:
            assert turn.offered == method.text(before.memory["population"][0][0])
            break
    assert turn.offered
    assert method.step(turn.memory, rng).memory["still"] == 0  # and it begins again


@pytest.mark.parametrize("build", [tiny.sd1, tiny.sdxl])
def test_the_direction_leads_from_the_anchor_to_the_name(build: Any) -> None:
    direction = Direction(family_of(build()), SET, Sought("Cher"))
    anchor, name, other = direction(["a woman", "cher", "photo of drake"], 1.0)
    assert anchor == pytest.approx(1, abs=1e-4)
    assert name < other
    family = direction.family
    text = family.encode(["a woman"])
    parts = [text.states.flatten(1)] + ([] if text.pooled is None else [text.pooled])
    assert torch.allclose(torch.cat(parts, 1)[0].float(), direction.neutral)
    (far_away,) = direction(["cher"], 3.0)
    assert 0 < far_away < 1
