"""T5's vectors: the mean of the states that the encoder gives for each text alone, whatever stands beside it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from tests.families import tiny
from unhype.families import t5_text
from unhype.families.t5_text import ROWS, TOKENS, T5Texts

SENTENCE = "a photo of the man and the woman in the rain with Cher"
LONG = " ".join([SENTENCE] * 12)


@pytest.fixture(scope="module")
def pair() -> tuple[Any, Any]:
    whole = tiny.flux_dev()
    return whole.tokenizer_2, whole.text_encoder_2


def phrases(words: Sequence[str]) -> list[str]:
    return [" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)]


@torch.no_grad()
def alone(tokenizer: Any, encoder: Any, text: str, most: int = TOKENS) -> torch.Tensor:
    ids = tokenizer([text], truncation=True, max_length=most, return_tensors="pt").input_ids
    states = encoder(ids).last_hidden_state[0]
    return (states[:-1] if len(states) > 1 else states).mean(0)


def test_a_vector_is_the_mean_of_a_texts_own_states(pair: tuple[Any, Any]) -> None:
    texts = [*phrases(SENTENCE.split()), "", LONG]
    random.Random(0).shuffle(texts)
    wanted = torch.stack([alone(*pair, text) for text in texts])
    torch.testing.assert_close(T5Texts(*pair, TOKENS)(texts), wanted, atol=1e-5, rtol=1e-5)


def test_it_is_the_same_to_the_bit_whatever_is_asked_for_beside_it(pair: tuple[Any, Any]) -> None:
    """Not padded, so nothing leaks; and in passes of one shape, so nothing is rounded otherwise."""
    texts, rng = phrases(SENTENCE.split()), random.Random(1)
    whole = dict(zip(texts, T5Texts(*pair, TOKENS)(texts), strict=True))
    for n in (1, 1, 2, 5, 20, 40):
        some = rng.sample(texts, n)
        for text, vector in zip(some, T5Texts(*pair, TOKENS)(some), strict=True):
            assert torch.equal(vector, whole[text]), text


def test_the_end_and_what_is_cut_off_have_no_say(pair: tuple[Any, Any]) -> None:
    tokenizer, encoder = pair
    short = T5Texts(tokenizer, encoder, 20)
    torch.testing.assert_close(short([LONG])[0], alone(tokenizer, encoder, LONG, 20), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(short([LONG]), T5Texts(tokenizer, encoder, TOKENS)([LONG]), atol=1e-3)
    assert torch.isfinite(short([""])).all()


def test_each_is_computed_once_in_passes_of_few_shapes(pair: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer, encoder = pair
    shapes: list[tuple[int, ...]] = []
    handle = encoder.register_forward_pre_hook(
        lambda _, __, named: shapes.append(tuple(named["input_ids"].shape)), with_kwargs=True
    )
    try:
        texts, vectors = phrases(SENTENCE.split()), T5Texts(tokenizer, encoder, TOKENS)
        vectors(texts)
        lengths = {len(ids) for ids in tokenizer(texts).input_ids}
        assert {length for _, length in shapes} == lengths
        assert all(rows == max(1, min(ROWS, TOKENS // length)) for rows, length in shapes)
        assert len(shapes) <= len(lengths) + len(texts) / ROWS
        known = len(shapes)
        vectors(texts[::-1])
        assert len(shapes) == known
        monkeypatch.setattr(t5_text, "REMEMBERED", 10)
        vectors(["a", *texts[:4]])
        assert len(shapes) > known, "more than is remembered: it begins anew"
    finally:
        handle.remove()


def test_none_are_none_and_all_are_float32(pair: tuple[Any, Any]) -> None:
    tokenizer, encoder = pair
    exact = T5Texts(tokenizer, encoder, TOKENS)
    assert exact([]).shape == (0, 24)
    half = T5Texts(tokenizer, tiny.flux_dev().text_encoder_2.to(torch.bfloat16), TOKENS)
    assert half(["a man"]).dtype == torch.float32
    torch.testing.assert_close(half(["a man"]), exact(["a man"]), atol=0.1, rtol=0)


def test_what_was_remembered_does_not_outlive_a_change(pair: tuple[Any, Any]) -> None:
    tokenizer, encoder = pair[0], tiny.flux_dev().text_encoder_2
    vectors = T5Texts(tokenizer, encoder, TOKENS)
    before = vectors(["a man"])
    with torch.no_grad():
        encoder.shared.weight.mul_(-1.5)
    assert not torch.allclose(vectors(["a man"]), before, atol=1e-3)
