"""Many short texts at once: the vectors that the encoder gives for each alone, however little of them is computed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from unhype.errors import UnhypeError
from unhype.families import clip_text
from unhype.families.clip_text import ClipTexts
from unhype.miniature.tokenizer import train_tokenizer

LIMIT = 20
SENTENCE = "the quick brown fox jumps over the lazy dog"
WORDS = [*SENTENCE.split(), "Fox,", "dog's", "2nd", "naïve", "東京", "don't", "\u0301e", "a\u00a0b", "-", "x1y"]


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return train_tokenizer([SENTENCE, "a dog and a fox"], 560, LIMIT)


def encoder_of(tokenizer: CLIPTokenizer, kind: Any = CLIPTextModel, **changes: Any) -> Any:
    torch.manual_seed(0)
    shape = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "projection_dim": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": LIMIT,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    return kind(CLIPTextConfig(**shape | changes)).eval()


@torch.no_grad()
def alone(tokenizer: CLIPTokenizer, encoder: Any, texts: Sequence[str]) -> torch.Tensor:
    """Each text by itself, through the encoder's own front door."""
    rows = [
        encoder(tokenizer([text], truncation=True, max_length=LIMIT, return_tensors="pt").input_ids) for text in texts
    ]
    return torch.cat([row.text_embeds if "text_embeds" in row else row.pooler_output for row in rows])


def phrases(words: Sequence[str]) -> list[str]:
    return [" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)]


@pytest.mark.parametrize("kind", [CLIPTextModel, CLIPTextModelWithProjection])
@pytest.mark.parametrize("changes", [{}, {"eos_token_id": 2}, {"attn_implementation": "eager"}])
def test_vectors_are_those_of_each_text_alone(tokenizer: CLIPTokenizer, kind: Any, changes: dict[str, Any]) -> None:
    encoder = encoder_of(tokenizer, kind, **changes)
    texts = [*phrases(SENTENCE.split()), "", f"{SENTENCE} {SENTENCE}", "fox <|endoftext|> dog", "  two  blanks "]
    got = ClipTexts(tokenizer, encoder)(texts)
    torch.testing.assert_close(got, alone(tokenizer, encoder, texts), atol=1e-5, rtol=0)


def test_odd_words_are_cut_as_the_tokenizer_cuts_them(tokenizer: CLIPTokenizer) -> None:
    encoder, rng = encoder_of(tokenizer), random.Random(0)
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(1, 6))) for _ in range(60)]
    got = ClipTexts(tokenizer, encoder)(texts)
    torch.testing.assert_close(got, alone(tokenizer, encoder, texts), atol=1e-5, rtol=0)


def test_an_added_token_with_a_blank_in_it_is_found(tokenizer: CLIPTokenizer) -> None:
    mine = train_tokenizer([SENTENCE, "a dog and a fox"], 560, LIMIT)
    encoder = encoder_of(mine)
    texts = ClipTexts(mine, encoder)
    before = texts(["brown fox"])
    mine.add_tokens(["brown fox"])
    encoder.resize_token_embeddings(len(mine))
    got = texts(["the brown fox jumps", "brown fox"])
    torch.testing.assert_close(got, alone(mine, encoder, ["the brown fox jumps", "brown fox"]), atol=1e-5, rtol=0)
    assert not torch.allclose(got[1], before[0], atol=1e-3), "what was remembered holds no longer"


def test_what_texts_share_is_computed_once(tokenizer: CLIPTokenizer) -> None:
    """Phrases of a sentence: every start of a text once, and little padding."""
    encoder = encoder_of(tokenizer)
    seen = []
    encoder.register_forward_pre_hook(lambda _, __, named: seen.append(named["input_ids"].numel()), with_kwargs=True)
    texts = phrases(SENTENCE.split())
    ids = [tuple(tokenizer(text).input_ids) for text in texts]
    starts = {each[:i] for each in ids for i in range(1, len(each) + 1)}
    vectors = ClipTexts(tokenizer, encoder)
    vectors(texts)
    assert len(starts) <= sum(seen) < 1.6 * len(starts) < 0.5 * len(ids) * max(map(len, ids))
    vectors(texts[::-1])
    assert len(seen) == 1, "and never again"


def test_more_texts_than_one_pass_takes(tokenizer: CLIPTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_text, "AT_ONCE", 2)
    monkeypatch.setattr(clip_text, "REMEMBERED", 10)
    encoder, texts = encoder_of(tokenizer), phrases(SENTENCE.split())
    vectors = ClipTexts(tokenizer, encoder)
    for part in (texts[:8], texts[4:12], texts):
        torch.testing.assert_close(vectors(part), alone(tokenizer, encoder, part), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", [CLIPTextModel, CLIPTextModelWithProjection])
def test_vectors_are_float32_and_none_are_none(tokenizer: CLIPTokenizer, kind: Any) -> None:
    encoder = encoder_of(tokenizer, kind)
    exact = ClipTexts(tokenizer, encoder)(["a fox"])
    vectors = ClipTexts(tokenizer, encoder.to(torch.bfloat16))
    assert vectors(["a fox"]).dtype == torch.float32
    torch.testing.assert_close(vectors(["a fox"]), exact, atol=0.1, rtol=0)
    assert vectors([]).shape == (0, exact.shape[1])


def test_a_pair_that_does_not_belong_together_is_refused(tokenizer: CLIPTokenizer) -> None:
    with pytest.raises(UnhypeError, match="belongs together"):
        ClipTexts(tokenizer, encoder_of(tokenizer, eos_token_id=7))
    encoder = encoder_of(tokenizer)
    encoder.config._attn_implementation = "flash_attention_2"
    with pytest.raises(UnhypeError, match="wanted sdpa or eager"):
        ClipTexts(tokenizer, encoder)
