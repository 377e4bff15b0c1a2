"""T5 reads on where CLIP stops: what either reads is drawn, and so is a name that stands there."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from tests.families import tiny
from tests.families.guards import HOW, draw, guard_of
from tests.families.test_two_prompts import changed, drawn
from unhype.adapters.sites import layer_at
from unhype.erasing.guard import Guard
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.pictures.sampling import Sampling

WORDS = ["the", "man", "and", "the", "woman", "in", "the", "photo", "of", "a"]
BEFORE, AFTER = ["photo", "of"], ["in", "the"]
"""Whole pieces of the tiny T5: a word is a token. A random CLIP knows a name in few contexts, this is one of them."""

CLIP, T5 = tiny.SD_LENGTH, 192


def prompt_with(name: str, at: int, words: int = 0) -> str:
    """So many words before a name, and the rest after it."""
    first, rest = (WORDS * 60)[: at - len(BEFORE)], max(0, words - at - 1)
    return " ".join([*first, *BEFORE, name, *[*AFTER, *WORDS * 60][:rest]])


@pytest.fixture(scope="module", params=["published", "text_entries"])
def flux(request: pytest.FixtureRequest) -> tuple[Family, Guard]:
    family = family_of(tiny.flux_dev(), request.param)
    return family, guard_of(family)


def test_a_name_at_word_120_is_forgotten_with_the_length_that_the_caller_gives(flux: tuple[Family, Guard]) -> None:
    prompts = [
        prompt_with("Cher", 120),
        prompt_with("Drake", 120),
        prompt_with("Adam Driver", 120, 200),
        prompt_with("Cher", 200),  # drawn by nobody
    ]
    assert changed(*flux, 4, prompts, max_sequence_length=T5) == [True, False, True, False]


def test_and_without_one_as_far_as_the_pipeline_reads_by_default(flux: tuple[Family, Guard]) -> None:
    family, guard = flux
    size = {"height": tiny.SIZE, "width": tiny.SIZE, "num_inference_steps": 1, "output_type": "latent"}

    def plainly(prompt: str, guarded: bool) -> Any:
        with guard.attached(family.pipeline, family=family) if guarded else nullcontext():
            return family.pipeline(prompt, generator=torch.Generator().manual_seed(0), **size).images

    for name, at, found in (("Cher", 480, True), ("Drake", 480, False), ("Cher", 520, False)):
        prompt = prompt_with(name, at)
        assert torch.equal(plainly(prompt, False), plainly(prompt, True)) != found, (name, at)


def test_the_length_of_the_tokenizer_is_the_familys_own(flux: tuple[Family, Guard]) -> None:
    """It is what pictures of a base are drawn with, and what a guard says of prompts."""
    family, _ = flux
    whole = tiny.flux_dev()
    whole.tokenizer_2.model_max_length = T5
    longer = family_of(whole, family.table)
    guard, prompts = guard_of(longer), [prompt_with("Cher", 120), prompt_with("Drake", 120), prompt_with("Cher", 200)]
    assert longer.call_options(HOW)["max_sequence_length"] == T5
    assert guard.read(longer, prompts).untouched.tolist() == [False, True, True]
    bare = draw(longer, prompts, Sampling(steps=1, guidance=3.0))
    with guard.attached(longer.pipeline, family=longer):
        guarded = draw(longer, prompts, Sampling(steps=1, guidance=3.0))
    moved = np.abs(bare.astype(int) - guarded).max((1, 2, 3)) > 0
    assert moved.tolist() == [True, False, False]


def test_what_t5_alone_reads_edits_the_states_and_the_pooled_vector() -> None:
    """A LoRA belongs to a picture, not to a route: CLIP has not seen the name, and its vector is edited too."""
    family = family_of(tiny.flux_dev(), "text_entries")
    guard, prompt, read = guard_of(family), prompt_with("Cher", 120), {}
    assert len(family.pipeline.tokenizer(prompt[: -len(" Cher")]).input_ids) > CLIP

    def note(guarded: bool) -> list[Any]:
        def keep(layer: Any, given: Any, output: torch.Tensor, route: str) -> None:
            read[route, guarded] = (given[0], output)

        layers = [(layer_at(family.denoiser, site.name), site.reads) for site in family.sites]
        return [layer.register_forward_hook(partial(keep, route=route)) for layer, route in layers]

    for guarded in (False, True):
        with guard.attached(family.pipeline, family=family) if guarded else nullcontext():
            handles = note(guarded)  # after the guard's own hooks, so that it sees what they add
            drawn(family, 1, prompt, max_sequence_length=T5)
            for handle in handles:
                handle.remove()
    for route in ("states", "pooled"):
        (text, bare), (same, guarded_output) = read[route, False], read[route, True]
        assert torch.equal(text, same), route
        assert (bare - guarded_output).abs().max() > 1e-3, route
    states = (read["states", False][1] - read["states", True][1]).abs().amax(2)[0]
    assert states.shape == (T5,)
    assert (states > 0).all(), "every token's state is edited, whatever word it stands for"


def test_what_is_read_costs_no_more_than_the_call_reads(flux: tuple[Family, Guard]) -> None:
    family, _ = flux
    prompt = prompt_with("Cher", 120, 300)
    ((short,),) = family.asked({"prompt": prompt, "max_sequence_length": 40}, 0).prompts or []
    ((long,),) = family.asked({"prompt": prompt, "max_sequence_length": T5}, 0).prompts or []
    ((most,),) = family.asked({"prompt": prompt}, 0).prompts or []
    ((none,),) = family.asked({"prompt": prompt, "max_sequence_length": None}, 0).prompts or []
    read = [len(text.split()) for text in (short, none, long, most)]
    assert read[0] == read[1] < CLIP < read[2] < T5 < read[3] == 300
    assert "Cher" not in short
    assert "Cher" in long
    assert prompt.startswith(short)
    assert prompt.startswith(long)
