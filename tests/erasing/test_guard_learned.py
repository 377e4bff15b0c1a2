"""Learned embeddings, long prompts and embeddings made ahead: what reaches the denoiser is read, or refused."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.erasing.conftest import GUARDED, NAME, OTHER, difference, draw
from unhype.adapters.watching import detach
from unhype.erasing.guard import Guard
from unhype.errors import UnhypeError

pytestmark = pytest.mark.slow


def load_inversion(pipe: Any, token: str, says: str) -> None:
    """A textual inversion whose vectors are those of other words."""
    ids = pipe.tokenizer(says, add_special_tokens=False).input_ids
    pipe.load_textual_inversion({token: pipe.text_encoder.get_input_embeddings().weight[ids].detach().clone()})


def assert_reads(pipe: Any, guard: Guard, prompt: str, attached: bool = False) -> None:
    """That this prompt is a forgotten name's."""
    if not attached:
        guard.attach(pipe)
    guarded = draw(pipe, prompt)
    detach(pipe)
    assert difference(guarded, draw(pipe, prompt))[0] > GUARDED


def test_a_textual_inversion_of_several_vectors_is_read(pipe: Any, reading: Guard) -> None:
    assert len(pipe.tokenizer("Emma Stone", add_special_tokens=False).input_ids) > 1
    load_inversion(pipe, "<x>", "Emma Stone")
    assert_reads(pipe, reading, "a photo of <x>")


def test_a_textual_inversion_that_comes_later_under_a_known_token_is_read(pipe: Any, reading: Guard) -> None:
    load_inversion(pipe, "<x>", "dog")
    reading.attach(pipe)
    draw(pipe, "a photo of <x>")
    pipe.unload_textual_inversion()
    load_inversion(pipe, "<x>", "Cher")
    assert_reads(pipe, reading, "a photo of <x>", attached=True)


def test_a_learned_token_is_refused_and_leading_away_from_one_is_not(pipe: Any, strong: Guard) -> None:
    load_inversion(pipe, "<x>", "dog")
    with strong.attached(pipe):
        with pytest.raises(UnhypeError, match="got the learned token '<x>'"):
            draw(pipe, "a photo of <x>")
        before = draw(pipe, OTHER, negative_prompt="")
        assert difference(before, draw(pipe, OTHER, negative_prompt="<x>"))[0] > 0


def test_a_token_whose_vector_is_written_over_under_guard_is_refused(pipe: Any, strong: Guard) -> None:
    table = pipe.text_encoder.get_input_embeddings().weight.data
    dog, cher = (pipe.tokenizer(word, add_special_tokens=False).input_ids[-1] for word in ("dog", "Cher"))
    with strong.attached(pipe):
        draw(pipe, "a photo of a dog")
        table[dog] = table[cher]
        with pytest.raises(UnhypeError, match="got another vector of the token 'dog"):
            draw(pipe, "a photo of a dog")


def test_what_lies_beyond_the_token_limit_is_not_read(pipe: Any, strong: Guard) -> None:
    long = " ".join([OTHER, *["in the rain"] * 40])
    bare = draw(pipe, long)
    with strong.attached(pipe):
        assert np.array_equal(draw(pipe, f"{long} with Emma Stone"), bare)


def test_embeddings_made_ahead_are_known_if_the_guarded_pipeline_made_them(pipe: Any, strong: Guard) -> None:
    foreign, negative = pipe.encode_prompt(NAME, "cpu", 1, True)
    bare = draw(pipe, None, prompt_embeds=foreign, negative_prompt_embeds=negative)
    steps = []
    with strong.attached(pipe):
        with pytest.raises(UnhypeError, match="wanted the prompts themselves"):
            draw(
                pipe,
                None,
                prompt_embeds=foreign,
                negative_prompt_embeds=negative,
                callback_on_step_end=lambda p, i, t, k: steps.append(i) or k,
            )
        own, negative = pipe.encode_prompt(NAME, "cpu", 1, True)
        guarded = draw(pipe, None, prompt_embeds=own, negative_prompt_embeds=negative)
        assert np.array_equal(guarded, draw(pipe, NAME))
        for both in (own, negative):
            draw(pipe, None, prompt_embeds=both, negative_prompt_embeds=both)
    assert not steps
    assert difference(guarded, bare)[0] > GUARDED


def test_the_plain_form_draws_the_empty_prompt_beside_the_empty_negative(pipe: Any, strong: Guard) -> None:
    plain = Guard(replace(strong.trained, switch=None))
    bare = draw(pipe, ["", NAME])
    with plain.attached(pipe):
        guarded = draw(pipe, ["", NAME])
        assert np.abs(draw(pipe, "") - guarded[:1]).max() < 0.02
    assert min(difference(bare, guarded)) > GUARDED


def test_a_copied_guard_reads_with_the_copys_own_words(pipe: Any, reading: Guard) -> None:
    with reading.attached(pipe):
        twin = copy.deepcopy(pipe)
    load_inversion(twin, "<x>", NAME.split(" ", 3)[3])
    assert_reads(twin, reading, "a photo of <x>", attached=True)
