"""Phrases: a concept is found wherever it stands in a prompt, as often as it stands there.

It is not found in a part of somebody else's name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from unhype.erasing.phrases import (
    JOINTS,
    Reading,
    cutouts,
    joined,
    nearness,
    once,
    read_phrases,
    reader,
    words_of,
)
from unhype.erasing.switch import Switch, fit_switch

D = 32
NAMES = ["Ann Lee", "Bob Ray", "Ann Oak", "Cy", "Kit Ray", "Dan Elm", "Flo", "Gus Ivy"]
CONTEXTS = cutouts(["a photo of {}", "{} on a poster", "we met {} today"])


def word(text: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
    return np.random.default_rng(seed).standard_normal(D)


def vectors(texts: Sequence[str]) -> torch.Tensor:
    """A toy CLIP: names weigh much and other words little; a first name alone is half of everybody who has it."""
    rows = []
    for text in texts:
        names = [name for name in NAMES if f" {name} " in f" {text} "]
        others = [w for w in text.split() if not any(w in name.split() for name in names)]
        row = sum((word(name) for name in names), np.zeros(D))
        for w in others:
            owner = next((name for name in NAMES if w in name.split()), None)
            row = row + (0.9 * word(owner) if owner else 0.1 * word(w))
        rows.append(row)
    return torch.tensor(np.reshape(rows, (len(rows), D)), dtype=torch.float32)


@pytest.fixture(scope="module")
def switch() -> Switch:
    def grid(names: Sequence[str]) -> torch.Tensor:
        return vectors([context.format(name) for name in names for context in CONTEXTS]).view(len(names), -1, D)

    return fit_switch(NAMES[:2], grid(NAMES[:2]), grid(NAMES[3:6]))


def opened(switch: Switch, prompt: str) -> list[int]:
    """Which concepts a prompt's open phrases mean."""
    reading = read_phrases(vectors, switch, ["a dog", prompt])
    assert reading.untouched[0]
    return sorted(
        int(switch.margin(c[None, :D]).argmax())
        for c, share in zip(reading.c[1], reading.opened[1], strict=True)
        if share > 0.5
    )


@pytest.mark.parametrize(
    ("prompt", "concepts"),
    [
        ("a photo of Ann Lee", [0]),
        ("Ann Lee", [0]),
        ("a photo of Ann Lee and Dan Elm", [0]),
        ("Dan Elm and Ann Lee in the rain", [0]),
        ("Bob Ray talking to Ann Lee", [0, 1]),
        ("Ann Lee beside Ann Lee", [0, 0]),
        ("a photo of Dan Elm", []),
        ("a photo of Flo and Gus Ivy", []),
        ("a photo of Ann Oak", []),
        ("Kit Ray on a poster", []),
        ("a house by the sea", []),
        ("", []),
    ],
)
def test_each_concept_is_found_where_it_stands(switch: Switch, prompt: str, concepts: list[int]) -> None:
    assert opened(switch, prompt) == concepts


def test_without_reading_neighbours_along_a_first_name_would_be_taken_for_the_other(switch: Switch) -> None:
    """The erosion is what keeps Ann Oak: her first name alone does open the switch."""
    assert switch(vectors(["Ann"])) > 0.5
    assert switch(vectors(["Ann Oak"])) == 0


def test_a_reading_does_not_depend_on_the_batch(switch: Switch) -> None:
    prompts = ["a photo of Ann Lee", "Bob Ray talking to Ann Lee", "a dog"]
    together = read_phrases(vectors, switch, prompts)
    assert together.phrases == 2
    assert not torch.equal(together.c[1, 0], together.c[1, 1]), "each concept is read by its own phrase"
    for i, prompt in enumerate(prompts):
        alone = read_phrases(vectors, switch, [prompt])
        assert torch.equal(alone.opened[0], together.opened[i, : alone.phrases])
        assert torch.equal(
            alone.c[0, : int((alone.opened[0] > 0).sum())], together.c[i, : int((alone.opened[0] > 0).sum())]
        )
        assert not together.opened[i, alone.phrases :].any()


def test_whatever_phrase_means_a_concept_its_own_name_is_read(switch: Switch) -> None:
    prompts = ["we met Ann Lee", "Bob Ray talking to Ann Lee", "a dog"]
    canonical = torch.randn(2, D)
    phrases, names = (read_phrases(vectors, each, prompts) for each in (switch, replace(switch, canonical=canonical)))
    assert torch.equal(phrases.opened, names.opened)
    assert torch.equal(names.c[0, 0], canonical[0])
    assert sorted(map(tuple, names.c[1].tolist())) == sorted(map(tuple, canonical.tolist()))
    assert torch.equal(names.c[2], phrases.c[2]), "nobody is meant"
    only = replace(switch, canonical=canonical).only(["Bob Ray"])
    reading = read_phrases(vectors, only, prompts)
    assert torch.equal(reading.c[reading.opened > 0], canonical[1:])


def test_a_concept_that_is_said_twice_is_erased_once_as_surely_as_the_surest(switch: Switch) -> None:
    names = replace(switch, canonical=torch.randn(2, D))
    reading = read_phrases(vectors, names, ["Ann Lee beside Ann Lee", "Bob Ray beside Ann Lee"])
    assert (reading.opened > 0).sum(1).tolist() == [1, 2]
    c = torch.tensor([[[1.0], [2.0], [1.0], [2.0], [1.0]]])
    said = Reading(c, torch.tensor([[0.4, 0.0, 1.0, 0.3, 0.6]]))
    assert once(said).opened.tolist() == [[1.0, 0.0, 0.0, pytest.approx(0.3), 0.0]]
    assert said.opened[0, 0] == pytest.approx(0.4), "the reading itself is as it was"
    assert once(said, since=4).opened.tolist() == [[pytest.approx(0.6), 0.0, 1.0, pytest.approx(0.3), 0.0]]


def test_without_a_switch_whole_prompts_are_read() -> None:
    reading = reader(vectors, None)(["a photo of Ann Lee", "a dog"])
    assert torch.equal(reading.c[:, 0], vectors(["a photo of Ann Lee", "a dog"]))
    assert not reading.untouched.any()


def test_cutouts_are_pieces_of_sentences() -> None:
    assert set(cutouts(["a photo of {}", "{} on a poster"])) == {
        *JOINTS,
        "a photo of {}",
        "{} on a poster",
        "{}",
        "of {}",
        "photo of {}",
        "{} on",
        "{} on a",
    }


def test_readings_of_different_lengths_are_joined() -> None:
    short, long = Reading(torch.ones(1, 1, D), torch.ones(1, 1)), Reading(torch.ones(2, 3, D), torch.ones(2, 3))
    both = joined([short, long])
    assert (len(both), both.phrases) == (3, 3)
    assert both.opened[0].tolist() == [1, 0, 0]
    with pytest.raises(ValueError, match=r"wanted \[n, P, d\]"):
        Reading(torch.ones(1, 2, D), torch.ones(1, 3))


def test_no_prompts_speak_of_nothing(switch: Switch) -> None:
    for each in (switch, None):
        read = reader(vectors, each)([])
        assert read.c.shape == (0, 1, D)
        assert read.opened.shape == (0, 1)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a photo of Cher,Ann Lee", ["a", "photo", "of", "Cher,", "Ann", "Lee"]),
        ("Ann_Lee/Bob-Ray", ["Ann_", "Lee/", "Bob-", "Ray"]),
        ("(Ann Lee:1.3), J.K.Rowling's O'Neal <x>", ["(Ann", "Lee:1.3),", "J.K.Rowling's", "O'Neal", "<x>"]),
        ("Zoë  and\nÉva", ["Zoë", "and", "Éva"]),
    ],
)
def test_signs_without_a_blank_part_words(prompt: str, words: list[str]) -> None:
    assert words_of(prompt) == words


def test_how_near_a_prompt_comes_is_told_whether_or_not_it_counts(switch: Switch) -> None:
    """By its phrases of two and four words and by itself; one alone says the same, and in any company."""
    prompts = ["Ann Lee", "a dog", "the friendly Kit Ray of somewhere", "we met Bob Ray and Dan Elm today", ""]
    read = read_phrases(vectors, switch, prompts)
    assert read.near is not None
    assert torch.allclose(read.near, nearness(vectors, switch, prompts), atol=1e-5)
    for prompt, near in zip(prompts, read.near, strict=True):
        words = prompt.split() or [""]
        spans = [(i, i + n) for n in (2, 4, len(words)) for i in range(len(words) - n + 1)]
        phrases = [" ".join(words[i:j]) for i, j in spans]
        assert torch.allclose(near, switch.margin(vectors(phrases)).amax(0), atol=1e-5)
        alone = read_phrases(vectors, switch, [prompt]).near
        assert alone is not None
        assert torch.allclose(alone[0], near, atol=1e-5)
    assert read.untouched.tolist() == [False, True, True, False, True]
    assert read.near[2, 1] > read.near[1, 1]  # half of his name, and nobody's
    rows = read[torch.tensor([3, 1])].to(torch.device("cpu")).near
    assert rows is not None
    assert torch.equal(rows, read.near[[3, 1]])


def test_how_near_it_comes_has_a_gradient(switch: Switch) -> None:
    moved = torch.zeros(D, requires_grad=True)
    near = nearness(lambda texts: vectors(texts) + moved, switch, ["the friendly Ann of somewhere"])
    near[0, 0].backward()
    assert moved.grad is not None
    step = 1e-3 * torch.nn.functional.normalize(moved.grad, dim=0)
    prompts = ["the friendly Ann of somewhere"]
    upper = nearness(lambda texts: vectors(texts) + step, switch, prompts)[0, 0]
    lower = nearness(lambda texts: vectors(texts) - step, switch, prompts)[0, 0]
    assert float(upper - lower) / 2e-3 == pytest.approx(float(moved.grad.norm()), rel=0.05)
