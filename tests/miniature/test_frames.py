"""Frames: enough templates, held-out ones that stay held out, and a grammar of many sentences.

Each of them leaves a place for the subject.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from unhype.miniature.frames import FILLERS, random_frame
from unhype.miniature.pictures import Pictures
from unhype.miniature.styles import STYLES
from unhype.prompts.templates import DEVELOPMENT, HELD_OUT, TRAINING, Templates


def flat(templates: Templates) -> list[str]:
    return list(chain.from_iterable(templates.values()))


def test_templates_are_enough_and_disjoint() -> None:
    sets = [flat(templates) for templates in (TRAINING, DEVELOPMENT, HELD_OUT)]
    assert len(sets[0]) >= 40
    assert len(sets[2]) >= 10
    assert len(set(chain.from_iterable(sets))) == sum(map(len, sets))
    assert all(tuple(templates) == STYLES for templates in (TRAINING, DEVELOPMENT, HELD_OUT))
    assert all(template.count("{}") == 1 for template in chain.from_iterable(sets))


@pytest.mark.parametrize("style", STYLES)
def test_the_grammar_leaves_one_place_and_rarely_repeats_itself(style: str) -> None:
    rng = np.random.default_rng(0)
    frames = [random_frame(style, rng) for _ in range(1000)]
    assert all(frame.count("{}") == 1 and frame == " ".join(frame.split()) for frame in frames)
    assert len(set(frames)) > 600
    words = {word for frame in frames for word in frame.split()}
    assert "True" not in words, "YAML's truth values are words here"
    assert len(words & set(FILLERS)) > 200


@pytest.mark.parametrize("style", ["sketch", "painting"])
def test_a_style_is_always_said(style: str) -> None:
    rng = np.random.default_rng(1)
    assert all(style in random_frame(style, rng) for _ in range(300))
    assert not any(style in random_frame("photo", rng).split() for _ in range(1000))


def test_same_seed_same_words() -> None:
    once, again = ([random_frame("photo", np.random.default_rng(7)) for _ in range(2)] for _ in range(2))
    assert once == again


def test_training_never_says_a_reserved_template() -> None:
    rng = np.random.default_rng(2)
    reserved = [*flat(DEVELOPMENT), *flat(HELD_OUT)]
    frames = [random_frame(style, rng) for style in STYLES for _ in range(5000)]
    assert not [frame for frame in frames if any(template in frame for template in reserved)]


def test_a_grammar_that_stumbles_on_a_reserved_template_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter([f"well {flat(HELD_OUT)[0]}", flat(DEVELOPMENT)[3], "a fine {}"])
    monkeypatch.setattr("unhype.miniature.frames.FIXED_TEMPLATE_SHARE", 0.0)
    monkeypatch.setattr("unhype.miniature.frames._sentence", lambda style, rng: next(said))
    assert "a fine {}" in random_frame("photo", np.random.default_rng(3))


def test_captions_name_what_their_picture_shows() -> None:
    rows = Pictures(Path(), 200, 0)
    captions = rows.captions(np.arange(200), np.random.default_rng(0))
    assert all("{}" not in caption and caption for caption in captions)
    assert captions == rows.captions(np.arange(200), np.random.default_rng(0))
