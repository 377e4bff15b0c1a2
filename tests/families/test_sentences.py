"""Sentences that are asked again and again: encoded once, to the bit as the family encodes them, and never stale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from tests.families import tiny, toy
from unhype.families import sentences
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.families.text import Text

SAID = ["a photo of a man", "", "a photo of Cher", "a photo of a man"]


@pytest.fixture(params=tiny.BUILDERS)
def family(request: pytest.FixtureRequest) -> Family:
    return family_of(tiny.BUILDERS[request.param]())


def counted(family: Family, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    encode = family._sentences.encode

    def noting(prompts: Any) -> Text:
        asked.extend(prompts)
        return encode(prompts)

    monkeypatch.setattr(family._sentences, "encode", noting)
    return asked


def test_each_is_encoded_once_and_alone(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = counted(family, monkeypatch)
    for said in (SAID, SAID[::-1], SAID[:1]):
        found, wanted = family.remembered(said), Text.joined([family.encode([each]) for each in said])
        assert torch.equal(found.states, wanted.states)
        assert (found.pooled is None) == (wanted.pooled is None)
        assert found.pooled is None or torch.equal(found.pooled, wanted.pooled)  # type: ignore[arg-type]
    assert sorted(asked) == sorted(set(SAID))


def scaled(family: Family) -> None:
    encoder = getattr(family.pipeline, family.encoders[-1][0])
    encoder.get_input_embeddings().weight.data.mul_(1.5)


def tuned(family: Family) -> None:
    encoder = getattr(family.pipeline, family.encoders[-1][0])
    for weight in encoder.parameters():
        weight.data.add_(0.05)


def word_written_over(family: Family) -> None:
    encoder, tokenizer = (getattr(family.pipeline, name) for name in family.encoders[-1])
    token = tokenizer("Cher", add_special_tokens=False).input_ids[0]
    encoder.get_input_embeddings().weight.data[token] += 1.0


@pytest.mark.parametrize("change", [scaled, tuned, word_written_over])
def test_an_encoder_that_has_changed_is_asked_anew(family: Family, change: Callable[[Family], None]) -> None:
    before = family.remembered(["a photo of Cher"])
    change(family)
    found, wanted = family.remembered(["a photo of Cher"]), family.encode(["a photo of Cher"])
    for one, other, old in zip(parts(found), parts(wanted), parts(before), strict=True):
        assert torch.equal(one, other)
        assert one.shape == old.shape
    assert any(not torch.equal(one, old) for one, old in zip(parts(found), parts(before), strict=True))


def parts(text: Text) -> list[torch.Tensor]:
    return [part for part in (text.states, text.pooled) if part is not None]


def test_a_base_without_a_tokenizer_is_asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    family = toy.Toy(toy.Pipeline())
    asked = counted(family, monkeypatch)
    for _ in range(2):
        assert torch.equal(family.remembered(["one"]).states, family.encode(["one"]).states)
    assert asked == ["one", "one"]


def test_what_was_asked_for_longest_ago_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    family = family_of(tiny.sd1())
    size = sum(part.numel() * part.element_size() for part in parts(family.encode([""])))
    monkeypatch.setattr(sentences, "ROOM", 2 * size)
    asked = counted(family, monkeypatch)
    for said in (["a"], ["b"], ["a"], ["c"], ["a"], ["b"]):
        family.remembered(said)
    assert asked == ["a", "b", "c", "b"]


def test_who_asks_first_without_gradients_does_not_spoil_it_for_who_trains() -> None:
    family = family_of(tiny.sd1())
    with torch.inference_mode():
        family.remembered([""])
    text = family.remembered([""])
    assert not text.states.is_inference()
    latents = torch.randn(1, *family.latent_shape, requires_grad=True)
    family.predict(latents, family.time_at(0.5, 1), family.unconditional(1)).sum().backward()
    assert latents.grad is not None
