"""Added tokens: each is a word of its own, whatever its name is, and is read as the vectors that it stands for."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from tests.families import tiny
from tests.families.guards import FORGOTTEN, guard_of
from unhype.erasing.phrases import words_of
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.families.spoken import Parted, parted

SIGNED = ("zq/xz", "<cat/dog>", "aa-bb_cc.dd", "#dog,cat#")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    added = tiny._tokenizer()
    added.add_tokens([*SIGNED, "zq/xz_1"])
    return added


@pytest.mark.parametrize("token", [*SIGNED, "zq/xz_1"])
@pytest.mark.parametrize(
    "text", ["{}", "a photo of {}", "{} and cher,dog", "the{}show", "{}{}", "dog/{},cat", "\t{}\n"]
)
def test_an_added_token_is_one_word_wherever_it_stands(tokenizer: Any, token: str, text: str) -> None:
    said = text.format(token, token)
    told = parted(said, tokenizer)
    assert told == said
    assert words_of(told).count(token) == text.count("{}")
    rest = " ".join(word for word in words_of(told) if word != token).split()
    assert rest == [word for part in text.split("{}") for word in words_of(part)]
    assert isinstance(told, Parted)
    assert copy.deepcopy(told).parts == told.parts


def test_the_tokenizer_is_asked_where_a_token_is(tokenizer: Any) -> None:
    """CLIP's lowers capitals; of names that begin alike the longest counts; two tokenizers have their own."""
    assert words_of(parted("A ZQ/XZ, zq/xz_1", tokenizer)) == ["A", "ZQ/XZ", ",", "zq/xz_1"]
    other = tiny._tokenizer()
    other.add_tokens(["pq.rs"])
    assert words_of(parted("zq/xz pq.rs", tokenizer, other)) == ["zq/xz", "pq.rs"]
    bare = parted("zq/xz", tiny._tokenizer())
    assert words_of(bare) == ["zq/", "xz"]
    assert not isinstance(bare, Parted)


@pytest.fixture(params=["sd1", "sdxl", "flux_dev"])
def family(request: pytest.FixtureRequest) -> Family:
    return family_of(tiny.BUILDERS[request.param]())


def test_a_token_with_signs_is_read_like_the_name_whose_vectors_it_has(family: Family) -> None:
    """In every encoder of CLIP's, of one vector or more; T5 is not read here."""
    guard = guard_of(family, inversions=True)
    wanted = guard.read(family, [FORGOTTEN, "Cher", "a photo of the Cher show"])
    assert wanted.untouched.tolist()[:2] == [False, False]
    for token in SIGNED:
        for name, of in family.encoders:
            encoder, words = getattr(family.pipeline, name), getattr(family.pipeline, of)
            if isinstance(encoder, CLIPTextModel | CLIPTextModelWithProjection):
                ids = words("Cher", add_special_tokens=False).input_ids
                vectors = encoder.get_input_embeddings().weight[ids].detach().clone()
                family.pipeline.load_textual_inversion({token: vectors}, tokenizer=words, text_encoder=encoder)
        read = guard.read(family, [f"a photo of {token}", token, f"a photo of the{token}show"])
        torch.testing.assert_close(read.c, wanted.c, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(read.opened, wanted.opened, atol=1e-4, rtol=1e-4)


def test_an_inversion_of_more_vectors_than_a_phrase_has_words_is_read_whole(family: Family) -> None:
    """The name stands last of eight."""
    guard, (name, of) = guard_of(family), family.encoders[-1 if family.name == "sdxl" else 0]
    encoder, words = getattr(family.pipeline, name), getattr(family.pipeline, of)
    said = ["dog cat dog cat dog cat Cher", "Cher"]
    ids = [words(text, add_special_tokens=False).input_ids for text in said]
    table = encoder.get_input_embeddings().weight.detach()
    wanted = family.vectors(said)
    for token, own in zip(("xx/yy/zz", "vv/ww"), ids, strict=True):
        family.pipeline.load_textual_inversion({token: table[own].clone()}, tokenizer=words, text_encoder=encoder)
    torch.testing.assert_close(family.vectors(["xx/yy/zz", "vv/ww"]), wanted, atol=1e-4, rtol=1e-4)
    assert len(ids[0]) > (guard.switch.longest if guard.switch else 0)
    assert words_of(family.visible("a xx/yy/zz/vv/ww")) == ["a", "xx/yy/zz", "/", "vv/ww"]
