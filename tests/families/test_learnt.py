"""Weights of a text encoder that change in place: what was remembered of texts is read anew, past every counter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from tests.families import tiny
from unhype.families.clip_text import ClipTexts
from unhype.families.learnt import SAMPLED, Watched, learnt, rows_of
from unhype.families.t5_text import T5Texts

TEXTS = ["Cher", "a photo of Cher", "a dog"]


def data(weight: torch.Tensor, ids: list[int], rows: torch.Tensor) -> None:
    weight.data[ids] = rows


def copied(weight: torch.Tensor, ids: list[int], rows: torch.Tensor) -> None:
    whole = weight.detach().clone()
    whole[ids] = rows
    weight.data.copy_(whole)


def view(weight: torch.Tensor, ids: list[int], rows: torch.Tensor) -> None:
    with torch.no_grad():
        for i, row in zip(ids, rows, strict=True):
            weight.data[i].view(-1)[:] = row


def shared(weight: torch.Tensor, ids: list[int], rows: torch.Tensor) -> None:
    weight.detach().numpy()[ids] = rows.numpy()


def exchanged(weight: torch.Tensor, ids: list[int], rows: torch.Tensor) -> None:
    whole = weight.detach().clone()
    whole[ids] = rows
    weight.data = whole


WAYS = [data, copied, view, shared, exchanged]


@pytest.fixture(scope="module")
def encoders() -> dict[str, tuple[Any, Any]]:
    whole = tiny.flux_dev()
    return {"clip": (whole.tokenizer, whole.text_encoder), "t5": (whole.tokenizer_2, whole.text_encoder_2)}


def reader_of(name: str, pair: tuple[Any, Any]) -> Any:
    return ClipTexts(*pair) if name == "clip" else T5Texts(*pair, 40)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["clip", "t5"])
def test_a_known_word_that_is_written_over_is_read_anew(
    encoders: dict[str, tuple[Any, Any]], name: str, way: Callable[..., None]
) -> None:
    """One that was read before, in whatever way its row is written; and back again, to the bit."""
    tokenizer, encoder = encoders[name]
    texts, table = reader_of(name, (tokenizer, encoder)), encoder.get_input_embeddings().weight
    ids = tokenizer("Cher", add_special_tokens=False).input_ids[-1:]
    before, kept = texts(TEXTS), table.detach()[ids].clone()
    way(table, ids, -kept)
    try:
        now = texts(TEXTS)
        assert torch.equal(now, reader_of(name, (tokenizer, encoder))(TEXTS))
        assert not torch.allclose(now[:2], before[:2], atol=1e-2)
    finally:
        way(table, ids, kept)
    assert torch.equal(texts(TEXTS), before)


@pytest.mark.parametrize("name", ["clip", "t5"])
def test_every_other_weight_is_looked_at(encoders: dict[str, tuple[Any, Any]], name: str) -> None:
    tokenizer, encoder = encoders[name]
    before = learnt(tokenizer, encoder)
    assert learnt(tokenizer, encoder) == before
    for weight in encoder.parameters():
        weight.data.add_(0.01)
        assert learnt(tokenizer, encoder) != before
        weight.data.sub_(0.01)
        before = learnt(tokenizer, encoder)


def test_of_large_tensors_a_part_is_looked_at() -> None:
    module = torch.nn.Linear(512, 512)
    tokenizer = tiny._tokenizer()
    before = learnt(tokenizer, module)
    step = module.weight.numel() // SAMPLED
    module.weight.data.view(-1)[1] += 1
    assert learnt(tokenizer, module) == before
    module.weight.data.view(-1)[step] += 1
    assert learnt(tokenizer, module) != before


def test_what_is_offloaded_equals_nothing() -> None:
    module, tokenizer = torch.nn.Embedding(4, 2, device="meta"), tiny._tokenizer()
    assert learnt(tokenizer, module) != learnt(tokenizer, module)


def test_an_added_token_changes_what_is_known(encoders: dict[str, tuple[Any, Any]]) -> None:
    tokenizer, encoder = tiny._tokenizer(), encoders["clip"][1]
    before = learnt(tokenizer, encoder)
    tokenizer.add_tokens(["zq/xz"])
    assert learnt(tokenizer, encoder) != before


def test_rows_of_tokens_are_compared_to_the_bit(encoders: dict[str, tuple[Any, Any]]) -> None:
    encoder = encoders["clip"][1]
    some, more = rows_of(encoder, [5, 7]), rows_of(encoder, [7, 9, 9, 10**6])
    assert list(more) == [7, 9]
    assert torch.equal(torch.frombuffer(bytearray(some[7]), dtype=torch.float32), table_of(encoder)[7])
    assert some[7] == more[7]
    assert rows_of(encoder, []) == {}


def test_what_was_seen_is_watched_from_call_to_call(encoders: dict[str, tuple[Any, Any]]) -> None:
    tokenizer, encoder = encoders["clip"]
    watched = Watched()
    assert [watched.changed(tokenizer, encoder) for _ in range(2)] == [True, False]
    assert watched.changed(tokenizer, encoder, "elsewhere")
    assert not watched.rewritten(encoder, [5, 7])  # nothing was known of them
    table_of(encoder)[7] += 1
    try:
        assert not watched.rewritten(encoder, [5, 9])  # what is not asked for is not looked at
        assert [watched.rewritten(encoder, [7]) for _ in range(2)] == [True, False]
    finally:
        table_of(encoder)[7] -= 1
    watched.forget()
    assert not watched.rewritten(encoder, [7])


def table_of(encoder: Any) -> torch.Tensor:
    table: torch.Tensor = encoder.get_input_embeddings().weight.data
    return table
