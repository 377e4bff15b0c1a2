"""Learned vectors are refused in prompts: tokens that were added, and tokens that got other vectors since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from tests.families import tiny
from tests.families.guards import HOW, draw, guard_of
from tests.families.test_learnt import WAYS
from unhype.erasing.guard import Guard
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.families.vocabulary import Vocabulary

PROMPT = "a photo of dog"


@pytest.fixture(params=["sd1", "sdxl", "flux_dev"])
def family(request: pytest.FixtureRequest) -> Family:
    return family_of(tiny.BUILDERS[request.param]())


def clips(family: Family) -> list[tuple[Any, Any]]:
    """Encoders of CLIP's, and their tokenizers."""
    pairs = [(getattr(family.pipeline, e), getattr(family.pipeline, t)) for e, t in family.encoders]
    return [pair for pair in pairs if isinstance(pair[0], CLIPTextModel | CLIPTextModelWithProjection)]


def load(family: Family, token: str, place: int = 0) -> None:
    """A textual inversion, into one of the encoders."""
    encoder, words = clips(family)[place]
    vectors = encoder.get_input_embeddings().weight[:2].detach().clone()
    family.pipeline.load_textual_inversion({token: vectors}, tokenizer=words, text_encoder=encoder)


@pytest.mark.parametrize("before", [True, False])
def test_a_prompt_with_a_token_that_was_added_to_any_encoder_is_refused(family: Family, before: bool) -> None:
    for place in range(len(clips(family))):
        guard, token = guard_of(family), f"<x{place}>"
        if before:
            load(family, token, place)
        guard.read(family, [PROMPT])
        if not before:
            load(family, token, place)
        guard.read(family, [PROMPT])
        for text in (token, f"a photo of {token}", f"the{token}show", f"dog {token}_1"):
            with pytest.raises(UnhypeError, match="learned token '<x") as caught:
                guard.read(family, [PROMPT, text])
            assert "\n" not in str(caught.value)
        allowed = Guard(guard.trained, inversions=True)
        allowed.read(family, [f"a photo of {token}"])


def test_who_loads_an_inversion_may_go_on_with_other_prompts_and_lead_away_from_it() -> None:
    family = family_of(tiny.BUILDERS["sd1"]())
    guard = guard_of(family)
    load(family, "<bad>")
    with guard.attached(family.pipeline, family=family):
        draw(family, [PROMPT])
        family.pipeline(PROMPT, negative_prompt="<bad>", num_inference_steps=HOW.steps, output_type="np")
        with pytest.raises(UnhypeError, match="learned token '<bad>'"):
            family.pipeline("<bad>", num_inference_steps=HOW.steps, output_type="np")


@pytest.mark.parametrize("way", WAYS)
def test_a_token_that_got_another_vector_is_refused_however_it_was_written(
    way: Callable[..., None],
) -> None:
    family = family_of(tiny.BUILDERS["sd1"]())
    vocabulary = Vocabulary(family)
    encoder, words = clips(family)[0]
    table = encoder.get_input_embeddings().weight
    dog, cher = (words(word, add_special_tokens=False).input_ids[-1] for word in ("dog", "cher"))
    way(table, [dog], table.detach()[[cher]].clone())
    vocabulary.check(family, ["a photo of cat"])
    with pytest.raises(UnhypeError, match="got another vector of the token 'dog' in text_encoder"):
        vocabulary.check(family, ["cat", PROMPT])


def test_the_token_behind_each_text_counts_and_so_does_what_is_no_number() -> None:
    family = family_of(tiny.BUILDERS["sd2"]())
    encoder, words = clips(family)[0]
    table = encoder.get_input_embeddings().weight.data
    for i in {words.pad_token_id, words.eos_token_id}:
        vocabulary, kept = Vocabulary(family), table[i].clone()
        for other in (-kept, torch.full_like(kept, torch.nan)):
            table[i] = other
            with pytest.raises(UnhypeError, match="got another vector"):
                vocabulary.check(family, [PROMPT])
        table[i] = kept
        vocabulary.check(family, [PROMPT])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_coarser_precision_is_the_same_vocabulary(family: Family, dtype: torch.dtype) -> None:
    vocabulary = Vocabulary(family)
    for name, _ in family.encoders:
        getattr(family.pipeline, name).to(dtype)
    vocabulary.check(family, [PROMPT, "cher"])


def test_an_encoder_that_is_elsewhere_has_its_added_tokens_refused() -> None:
    family = family_of(tiny.BUILDERS["sd1"]())
    load(family, "<x>")
    vocabulary = Vocabulary(family)
    family.pipeline.text_encoder.to("meta")
    for each in (vocabulary, Vocabulary(family)):
        each.check(family, [PROMPT])
        with pytest.raises(UnhypeError, match="learned token"):
            each.check(family, ["<x>"])
