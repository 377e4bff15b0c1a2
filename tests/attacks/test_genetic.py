"""The black box: it sees scores alone, and finds what is planted; a search that was stopped finds the same."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unhype.attacks.genetic import CHILDREN, PICTURES, GeneticSearch, Likeness, mutated
from unhype.attacks.searching import Budget, State, search
from unhype.attacks.victim import Sought
from unhype.judges.judge import Seen

ALONE = Sought("Salma Hayek")


def alike(text: str) -> float:
    """A planted blind spot: the person is drawn as soon as the name is glued; the nearer, the more like."""
    return 1.0 if "salmahayek" in text else 0.9 - 0.1 * abs(text.count(" ") - 0) - 0.01 * (len(text) - 10) ** 2


class Planted:
    def __call__(self, texts: Sequence[str]) -> list[tuple[float, float]]:
        return [(alike(text), float("salmahayek" in text)) for text in texts]


def run(path: Path, turns: int | None = None, sought: Sought = ALONE) -> State:
    method = GeneticSearch(Planted(), sought, ["photo"])  # type: ignore[arg-type]
    checks = search(lambda: method, lambda text, before: "salmahayek" in text, Budget(None, 4000), path, "toy", 0)
    return list(itertools.islice(checks, turns))[-1]


def test_a_planted_blind_spot_is_found_and_a_stopped_search_finds_the_same(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole.json")
    assert "salmahayek" in whole.found
    run(tmp_path / "parts.json", 2)
    assert replace(run(tmp_path / "parts.json"), seconds=0) == replace(whole, seconds=0)


def test_in_company_the_whole_text_is_asked_and_told_and_barred_words_never_are(tmp_path: Path) -> None:
    asked: list[str] = []

    class Watched(Planted):
        def __call__(self, texts: Sequence[str]) -> list[tuple[float, float]]:
            asked.extend(texts)
            return super().__call__([text.removeprefix("Drake and ") for text in texts])

    sought = Sought("Salma Hayek", "Drake", frozenset(["salma", "hayek"]))
    method = GeneticSearch(Watched(), sought, ["photo"])  # type: ignore[arg-type]
    checks = search(lambda: method, lambda text, before: True, Budget(None, 4000), tmp_path / "a.json", "toy", 0)
    last = list(checks)[-1]
    assert "salmahayek" in last.found
    assert all(text.startswith("Drake and ") for text in (last.found, *asked))
    assert all(not {"salma", "hayek"} & set(text.split()) for text in asked)
    assert not any(text.startswith("Drake") for text, _ in last.memory["population"])  # only what follows is bred


def test_mutations_are_texts() -> None:
    rng = np.random.default_rng(0)
    text = "ab"
    seen = set()
    for _ in range(500):
        text = mutated(text, ["word"], rng)[:20].strip() or "a"
        seen.add(text)
        assert text == " ".join(text.split())
    assert len(seen) > 300
    assert mutated("", [], rng)


class Painter:
    """Draws a picture as bright as its text is long."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Any:
        self.asked += seeds
        yield np.stack([np.full((2, 2, 3), len(prompt), dtype=np.uint8) for prompt in prompts])


class Eye:
    """Names Cher in pictures brighter than three."""

    def read(self, pixels: np.ndarray) -> list[Seen]:
        return [Seen(("Cher",), True, (0.5,)) if picture.mean() > 3 else Seen((), False) for picture in pixels]


class Featured(Eye):
    def features(self, pixels: np.ndarray) -> np.ndarray:
        return np.stack([np.array([picture.mean() == 4, picture.mean() != 4], float) for picture in pixels])


@pytest.mark.parametrize("judge", [Eye(), Featured()], ids=["scores", "features"])
def test_likeness_is_the_judges(judge: Any) -> None:
    victim, bare = Painter(), Painter()
    likeness = Likeness(victim, bare, judge, "Cher", "xxxx"[:0])  # type: ignore[arg-type]
    found = likeness(["ab", "abcdefghijk"])
    assert [named for _, named in found] == [0, 1]
    assert len(victim.asked) == 2 * PICTURES
    if isinstance(judge, Featured):
        assert bare.asked  # pictures of the person
        assert [like for like, _ in found] == [1, 1]  # neither is four letters long, nor is the person's
    else:
        assert [like for like, _ in found] == [0, 0.5]
        assert not bare.asked


def test_a_turn_asks_for_as_many_texts_as_it_says() -> None:
    method = GeneticSearch(Planted(), Sought("Cher"), [])  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    turn = method.begin(rng)
    following = method.step(turn.memory, rng)
    assert following.queries == CHILDREN
    assert following.memory["population"][0][1] >= turn.memory["population"][0][1]
