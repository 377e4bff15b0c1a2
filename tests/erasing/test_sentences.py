"""Sentences: a phrase that its sentence does not bear out is nobody, and what is named plainly is always found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from unhype.erasing.phrases import Reading, cutouts, read_phrases
from unhype.erasing.sentences import AROUND, REST, SPARED, needed, surroundings
from unhype.erasing.switch import Switch, fit_switch

D = 24
PLACES = {"Ann": 0, "Bob": 1, "Cy": 2, "Dan": 3}
CONTEXTS = cutouts(["a photo of {}", "{} on a poster", "we met {} today"])
SURE = 0.96


def vectors(texts: Sequence[str]) -> torch.Tensor:
    """A toy CLIP with an axis for each name. ``annish`` means Ann when it is read with at most a word beside it, and
    nobody in a sentence."""
    rows = torch.zeros(len(texts), D)
    for row, text in zip(rows, texts, strict=True):
        words = text.split()
        for word in words:
            if word in PLACES:
                row[PLACES[word]] += 1
            elif word in ("annish", "anny"):
                row[PLACES["Ann"]] += 1 if len(words) < 3 or word == "anny" else 0
                row[10] += 0.35  # not quite she
            else:
                row[11 + len(word) % 12] += 0.02
    return rows


def toy_switch() -> Switch:
    """Ann and Bob are forgotten, Cy and Dan stay."""

    def grid(names: Sequence[str]) -> torch.Tensor:
        return vectors([context.format(name) for name in names for context in CONTEXTS]).view(len(names), -1, D)

    # Whitening is left out: these axes are straight already.
    return replace(
        fit_switch(["Ann", "Bob"], grid(["Ann", "Bob"]), grid(["Cy", "Dan"]), sure=SURE),
        mean=torch.zeros(D),
        whitening=torch.eye(D),
        centres=torch.eye(D)[:2],
        kept=torch.eye(D)[2:4],
    )


@pytest.fixture(scope="module")
def switch() -> Switch:
    return toy_switch()


def read(switch: Switch, prompt: str) -> Reading:
    return read_phrases(vectors, switch, [prompt])


LONG = "we saw the old town and there annish in the snow with seven other people"


def test_a_phrase_that_means_nobody_in_its_sentence_does_not_open(switch: Switch) -> None:
    assert not read(replace(switch, sure=0.0), LONG).untouched[0], "the test is too easy"
    assert read(switch, LONG).untouched[0]


@pytest.mark.parametrize(
    "prompt",
    [
        "annish",
        "a photo of anny",
        LONG.replace("annish", "anny"),
        LONG.replace("annish", "Ann"),
        LONG.replace("annish", "Ann and Bob and Cy and Dan"),
        LONG.replace("annish", "anny, with a hat and again anny"),
    ],
)
def test_what_the_sentence_bears_out_or_is_beyond_doubt_opens_as_before(switch: Switch, prompt: str) -> None:
    before, after = read(replace(switch, sure=0.0), prompt), read(switch, prompt)
    assert not after.untouched[0]
    assert torch.equal(before.c, after.c)
    assert torch.equal(before.opened, after.opened)


@pytest.mark.parametrize("prompt", [LONG, "a photo of Dan", "", "Cy and Dan on a poster with annish people in a town"])
def test_it_only_closes(switch: Switch, prompt: str) -> None:
    if read(replace(switch, sure=0.0), prompt).untouched[0]:
        assert read(switch, prompt).untouched[0]


def test_who_stands_beside_it_in_the_batch_changes_nothing(switch: Switch) -> None:
    prompts = [LONG, "a photo of anny", "Bob and Cy", ""]
    together = read_phrases(vectors, switch, prompts)
    for i, prompt in enumerate(prompts):
        alone = read(switch, prompt)
        assert torch.equal(alone.opened[0], together.opened[i, : alone.phrases])
        assert not together.opened[i, alone.phrases :].any()


def test_what_is_needed_falls_as_the_sentence_says_more(switch: Switch) -> None:
    whole, rest = torch.tensor([0.0, 0.1, 0.5, 0.9, 0.9, 0.9]), torch.tensor([0.0, 0.1, 0.1, 0.1, REST, 0.9])
    missed = torch.tensor([0.0, 0.0, 0.4, 0.8, 0.9 - REST, 0.9 - REST])
    wanted = torch.where(missed > SPARED, SURE - (missed - SPARED) / 2, SURE)
    assert torch.allclose(needed(switch, whole, rest), wanted)


def test_surroundings_are_the_sentence_with_and_without() -> None:
    words = [str(i) for i in range(100)]
    whole, rest = surroundings(words, (50, 52))
    assert whole.split() == words[50 - AROUND : 52 + AROUND]
    assert rest.split() == [*words[50 - AROUND : 50], *words[52 : 52 + AROUND]]
    assert surroundings(["Ann"], (0, 1)) == ("Ann", "")
