"""Searches: what is planted is found, a search that was stopped finds the same, and what can't be done is said."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from tests.families import tiny
from unhype.attacks.objective import Value
from unhype.attacks.searching import Budget, State, search
from unhype.attacks.tokens import LENGTH, WORTH, TokenSearch, Vocabulary, all_tokens, known_words
from unhype.attacks.victim import Sought
from unhype.errors import UnhypeError

BLIND = ("red", "king", "home")
"""Words that have the toy victim draw the person; any word of the name alarms it."""

ALONE = Sought("Salma Hayek")

PIECES = tiny.TOKENIZER.parents[1] / "mini-flux" / "tokenizer_2"
"""A T5's: other tokens, and capitals are letters of their own."""


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return transformers.CLIPTokenizer.from_pretrained(tiny.TOKENIZER)


class Planted:
    """An objective with a known blind spot: the share of these words that a text lacks, and an alarm for the name."""

    blind = BLIND

    def __init__(self, tokenizer: Any) -> None:
        pipeline = SimpleNamespace(tokenizer=tokenizer)
        self.family = SimpleNamespace(pipeline=pipeline, encoders=(("text_encoder", "tokenizer"),))
        self.tokenizer, self.asked = tokenizer, 0

    def values(self, texts: Sequence[str], below: float = np.inf) -> list[Value]:
        self.asked += len(texts)
        return [
            Value(1 - len(set(self.blind) & set(text.split())) / len(self.blind), 0.2 * ("hayek" in text.split()))
            for text in texts
        ]

    def gradients(self, text: str) -> list[torch.Tensor]:
        ids = self.tokenizer(text, add_special_tokens=False).input_ids
        slope = torch.zeros(len(ids), len(self.tokenizer))
        slope[:, [self.tokenizer.get_vocab()[f"{word}</w>"] for word in self.blind]] = -1
        return [slope]


def run(
    tokenizer: Any, path: Path, budget: Budget, turns: int | None = None, seed: int = 0, sought: Sought = ALONE
) -> list[State]:
    vocabulary = all_tokens(tokenizer, "Salma Hayek")
    method = TokenSearch(Planted(tokenizer), [vocabulary], sought)  # type: ignore[arg-type]
    states = search(lambda: method, lambda text, before: set(BLIND) <= set(text.split()), budget, path, "toy", seed)
    return list(itertools.islice(states, turns))


def test_a_planted_blind_spot_is_found(tokenizer: Any, tmp_path: Path) -> None:
    last = run(tokenizer, tmp_path / "a.json", Budget(None, 3000))[-1]
    assert set(BLIND) <= set(last.found.split())
    assert "hayek" not in last.found.split()
    assert last.queries < 3000
    assert last.checked  # what only came near was drawn, and refused


def test_in_company_only_what_follows_is_searched(tokenizer: Any, tmp_path: Path) -> None:
    sought = Sought("Salma Hayek", "Red Drake", frozenset(["salma", "hayek"]))
    states = run(tokenizer, tmp_path / "a.json", Budget(None, 3000), sought=sought)
    last = states[-1]
    assert last.found.startswith("Red Drake and ")
    assert set(BLIND) <= {"red", *last.found.split()}
    assert {"king", "home"} <= set(last.found.split())
    bars = [state.memory["bar"] for state in states[1:]]
    assert max(bars) <= WORTH  # measured by what stands before it alone


def test_a_search_that_was_stopped_finds_the_same(tokenizer: Any, tmp_path: Path) -> None:
    budget = Budget(None, 3000)
    whole = run(tokenizer, tmp_path / "whole.json", budget)[-1]
    run(tokenizer, tmp_path / "parts.json", budget, turns=3)
    run(tokenizer, tmp_path / "parts.json", budget, turns=4)
    parts = run(tokenizer, tmp_path / "parts.json", budget)[-1]
    assert replace(parts, seconds=0) == replace(whole, seconds=0)
    assert run(tokenizer, tmp_path / "parts.json", budget)[-1] == parts  # and again asks nobody
    other = run(tokenizer, tmp_path / "other.json", budget, seed=1)[-1]
    assert other.memory != whole.memory


def test_a_budget_ends_a_search(tokenizer: Any, tmp_path: Path) -> None:
    last = run(tokenizer, tmp_path / "a.json", Budget(None, 20))[-1]
    assert not last.found
    assert 20 <= last.queries < 60
    further = run(tokenizer, tmp_path / "a.json", Budget(None, 3000))[-1]
    assert further.found
    for wrong in ((0, None), (-1, 5), (None, 0), (None, None), (float("nan"), None)):
        with pytest.raises(UnhypeError, match="wanted"):
            Budget(*wrong)


def test_another_search_and_a_damaged_one_are_refused(tokenizer: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    run(tokenizer, path, Budget(None, 20))
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "of": "somebody else"}))
    with pytest.raises(UnhypeError, match=r"got another search in .*a\.json"):
        run(tokenizer, path, Budget(None, 20))
    path.write_text(json.dumps(told)[:-9])
    with pytest.raises(UnhypeError, match="damaged search"):
        run(tokenizer, path, Budget(None, 20))


def test_vocabularies(tokenizer: Any) -> None:
    names = {i: token for token, i in tokenizer.get_vocab().items()}
    tokens = all_tokens(tokenizer, "Salma Hayek")
    assert [names[i] for i in tokens.near] == ["salma</w>", "hayek</w>"]
    assert all(names[i].removesuffix("</w>").isalnum() for i in tokens.ids)
    pieces = transformers.AutoTokenizer.from_pretrained(PIECES)
    cut = pieces.convert_ids_to_tokens(all_tokens(pieces, "Salma Hayek").ids)
    assert {"▁home", "ing"} <= set(cut)
    assert all(token.removeprefix("▁").isalnum() and token == token.lower() for token in cut)
    known = known_words(pieces, "Cat", ["a photo of a dog at home", "cat, school, person, group"])
    assert set(pieces.convert_ids_to_tokens(known.ids)) == {
        f"▁{word}" for word in ("photo", "dog", "home", "school", "person", "group")
    }
    words = known_words(tokenizer, "Salma Hayek", ["a photo of Salma Hayek", "red king at home", "Kate Upton"])
    assert {names[i] for i in words.ids} == {
        f"{word}</w>" for word in ("photo", "red", "king", "home", "kate", "upton")
    }
    with pytest.raises(UnhypeError, match="got 1 known words"):
        known_words(tokenizer, "Salma Hayek", ["red"])


@pytest.mark.parametrize("sought", [Sought("Cher"), Sought("Cher", "Bob Marley", frozenset(["cher"]))])
def test_candidates_are_texts_as_the_tokenizer_cuts_them(tokenizer: Any, sought: Sought) -> None:
    vocabulary = Vocabulary(all_tokens(tokenizer, "Cher").ids, ())
    method = TokenSearch(Planted(tokenizer), [vocabulary], sought)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    ids = method.begin(rng).memory["ids"]
    tried = list(method._candidates(ids, rng).values())
    assert tried
    for each in tried:
        assert sum(a != b for a, b in zip(each, ids, strict=True)) == 1
        before = tokenizer(sought.before, add_special_tokens=False).input_ids
        assert tokenizer(method.text(each), add_special_tokens=False).input_ids == [*before, *each]
        assert method.text(each).startswith(sought.before)
        assert not sought.barred & set(method.text(each).split())


class PlantedForTwo(Planted):
    """The same, read by a second encoder, whose gradient alone knows the words; the first one's points nowhere."""

    blind = ("home", "street", "dog")  # a token each in both encoders

    def __init__(self, tokenizer: Any, pieces: Any) -> None:
        super().__init__(tokenizer)
        pipeline = SimpleNamespace(tokenizer=tokenizer, tokenizer_2=pieces)
        encoders = (("text_encoder", "tokenizer"), ("text_encoder_2", "tokenizer_2"))
        self.pieces, self.family = pieces, SimpleNamespace(pipeline=pipeline, encoders=encoders)

    def gradients(self, text: str) -> list[torch.Tensor]:
        ids = self.tokenizer(text, add_special_tokens=False).input_ids
        pieces = self.pieces(text, add_special_tokens=False).input_ids
        slope = torch.zeros(len(pieces), len(self.pieces))
        slope[:, [self.pieces.get_vocab()[f"▁{word}"] for word in self.blind]] = -1
        return [torch.zeros(len(ids), len(self.tokenizer)), slope]


@pytest.mark.parametrize("sought", [Sought("Salma Hayek"), Sought("Salma Hayek", "Bob Marley", frozenset(["hayek"]))])
def test_a_second_encoders_gradient_is_followed(tokenizer: Any, tmp_path: Path, sought: Sought) -> None:
    pieces = transformers.AutoTokenizer.from_pretrained(PIECES)
    vocabularies = [all_tokens(each, "Salma Hayek") for each in (tokenizer, pieces)]
    victim: Any = PlantedForTwo(tokenizer, pieces)
    method = TokenSearch(victim, vocabularies, sought)
    wanted = set(victim.blind)
    found = search(
        lambda: method, lambda text, _: wanted <= set(text.split()), Budget(None, 6000), tmp_path / "a.json", "toy", 0
    )
    last = list(found)[-1]
    assert wanted <= set(last.found.split())
    assert last.found.startswith(sought.before)
    assert method.text(last.memory["ids"])  # its state is a text in the first encoder's tokens


def test_another_encoders_change_is_a_text_of_the_first(tokenizer: Any) -> None:
    pieces = transformers.AutoTokenizer.from_pretrained(PIECES)
    words = ["a photo of a dog at home", "cat, school, person, group"]
    for vocabularies in (
        [all_tokens(each, "Cher") for each in (tokenizer, pieces)],
        [known_words(each, "Salma Hayek", words) for each in (tokenizer, pieces)],
    ):
        victim: Any = PlantedForTwo(tokenizer, pieces)
        method, rng = TokenSearch(victim, vocabularies, ALONE), np.random.default_rng(0)
        ids = method.begin(rng).memory["ids"]
        tried = list(method._candidates(ids, rng).values())
        assert len(tried) > 1
        for each in tried:
            text = method.text(each)
            assert text == text.lower()
            assert len(each) <= 2 * LENGTH
            assert set(each) <= set(vocabularies[0].ids)
            assert tokenizer(text, add_special_tokens=False).input_ids == each
