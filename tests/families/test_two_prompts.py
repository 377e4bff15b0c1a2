"""Two encoders, two prompts: a forgotten name in either is found, whichever way the prompts come."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import torch

from tests.families import tiny
from tests.families.guards import FORGOTTEN, HOW, KEPT, guard_of
from tests.families.test_as_the_pipeline import calls_of
from unhype.erasing.guard import Guard
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.families.family import Family

DOG = "a dog"


@pytest.fixture(scope="module", params=["sdxl", "flux_dev", "flux_schnell"])
def both(request: pytest.FixtureRequest) -> tuple[Family, Guard]:
    family = family_of(tiny.BUILDERS[request.param]())
    return family, guard_of(family)


@pytest.fixture(scope="module", params=["published", "text_entries"])
def flux(request: pytest.FixtureRequest) -> tuple[Family, Guard]:
    family = family_of(tiny.flux_dev(), request.param)
    return family, guard_of(family)


def drawn(family: Family, n: int, *prompts: Any, **options: Any) -> torch.Tensor:
    """Latents of n pictures, each from noise of its own."""
    generators = [torch.Generator().manual_seed(seed) for seed in range(n)]
    given = {**family.call_options(HOW), "num_inference_steps": 1, "output_type": "latent", "generator": generators}
    latents: torch.Tensor = family.pipeline(*prompts, **{**given, **options}).images
    return latents


def changed(family: Family, guard: Guard, n: int, *prompts: Any, **options: Any) -> list[bool]:
    """Which of n pictures the guard changes."""
    bare = drawn(family, n, *prompts, **options)
    with guard.attached(family.pipeline, family=family):
        guarded = drawn(family, n, *prompts, **options)
    return [not torch.equal(a, b) for a, b in zip(bare, guarded, strict=True)]


def test_a_name_in_either_prompt_by_position_or_by_name(both: tuple[Family, Guard]) -> None:
    for prompt, second, found in ((FORGOTTEN, KEPT, True), (KEPT, FORGOTTEN, True), (KEPT, DOG, False)):
        assert changed(*both, 1, prompt, second) == [found]
        assert changed(*both, 1, prompt=prompt, prompt_2=second) == [found]
    # What says nothing stands for nothing: the other prompt takes its place.
    assert changed(*both, 1, FORGOTTEN, "") == [True]
    assert changed(*both, 1, KEPT, None) == [False]


def test_lists_are_read_row_by_row(both: tuple[Family, Guard]) -> None:
    prompts, seconds = [KEPT, FORGOTTEN, DOG, KEPT], [DOG, KEPT, FORGOTTEN, KEPT]
    assert changed(*both, 4, prompts, seconds) == [False, True, True, False]
    assert changed(*both, 8, prompts, seconds, num_images_per_prompt=2) == [each in (2, 3, 4, 5) for each in range(8)]


def test_what_one_prompt_says_is_told_apart_from_the_other(flux: tuple[Family, Guard]) -> None:
    """Two names, one in each prompt: both LoRAs are there; the same name twice counts once."""
    family, guard = flux
    read = guard._reader()
    one, two, twice = read(family, [(FORGOTTEN,), (FORGOTTEN, "Adam Driver"), (FORGOTTEN, "a photo of Cher")])
    assert one is not None
    assert two is not None
    assert twice is not None
    assert [int((each.opened > 0).sum()) for each in (one, two, twice)] == [1, 2, 1]


@pytest.mark.parametrize(
    ("prompt", "second"),
    [([DOG, FORGOTTEN], DOG), ([DOG, KEPT], DOG), (DOG, [DOG, FORGOTTEN]), ([FORGOTTEN], [DOG, DOG])],
)
def test_prompts_without_a_partner_are_refused(flux: tuple[Family, Guard], prompt: Any, second: Any) -> None:
    """The bare pipeline lets one of either stand for all; then a row is drawn from texts that no row names."""
    family, guard = flux
    with guard.attached(family.pipeline, family=family):
        with pytest.raises(UnhypeError, match=r"got \d rows of token states and \d of pooled text") as error:
            drawn(family, max(len(part) if isinstance(part, list) else 1 for part in (prompt, second)), prompt, second)
        assert "prompt_2" in str(error.value)
    assert "\n" not in str(error.value)


def test_what_the_pipeline_refuses_it_refuses_under_guard(flux: tuple[Family, Guard]) -> None:
    family, guard = flux
    for guarded in (False, True):
        with guard.attached(family.pipeline, family=family) if guarded else nullcontext():
            with pytest.raises(ValueError, match="Provide either `prompt` or `prompt_embeds`"):
                drawn(family, 1, prompt_2=FORGOTTEN)
            with pytest.raises((TypeError, ValueError), match="None"):
                family.pipeline.encode_prompt(None, FORGOTTEN)


# ---------------------------------------------------------------- guided away from


GUIDED: dict[str, Any] = {"true_cfg_scale": 3.0}


@pytest.fixture(params=[{"negative_prompt": "Cher"}, {"negative_prompt": "", "negative_prompt_2": "Cher"}])
def away(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {**GUIDED, **request.param}


def test_a_name_in_a_negative_prompt_has_no_lora(flux: tuple[Family, Guard], away: dict[str, Any]) -> None:
    """To be led away from it is what is wanted; a prompt beside it is erased all the same."""
    assert changed(*flux, 1, KEPT, **away) == [False]
    lists = {name: ["", value] if isinstance(value, str) else value for name, value in away.items()}
    assert changed(*flux, 2, [KEPT, FORGOTTEN], **lists) == [False, True]
    assert changed(*flux, 1, KEPT, FORGOTTEN, **away) == [True]
    assert changed(*flux, 1, FORGOTTEN, negative_prompt=FORGOTTEN, **GUIDED) == [True]


def test_one_negative_prompt_for_all(flux: tuple[Family, Guard]) -> None:
    assert changed(*flux, 2, [KEPT, FORGOTTEN], negative_prompt="Cher", **GUIDED) == [False, True]


def test_the_conditional_call_alone_is_adapted(flux: tuple[Family, Guard], away: dict[str, Any]) -> None:
    family, guard = flux
    outputs = []
    for guarded in (False, True):
        with guard.attached(family.pipeline, family=family) if guarded else nullcontext(), calls_of(family) as calls:
            drawn(family, 1, FORGOTTEN, **away)
        outputs.append([output for _, output in calls])
    (bare, negative), (adapted, same) = outputs
    assert not torch.equal(bare, adapted)
    assert torch.equal(negative, same)


def test_negative_embeddings_may_lead_away_and_may_not_be_drawn(flux: tuple[Family, Guard]) -> None:
    family, guard = flux
    text = family.encode(["a photo of Cher at a party"])
    embeds = {"negative_prompt_embeds": text.states, "negative_pooled_prompt_embeds": text.pooled}
    assert changed(family, guard, 1, KEPT, **embeds, **GUIDED) == [False]
    given = {"prompt_embeds": text.states, "pooled_prompt_embeds": text.pooled}
    with (
        guard.attached(family.pipeline, family=family),
        pytest.raises(UnhypeError, match="got prompt embeddings, wanted the prompts themselves"),
    ):
        drawn(family, 1, **given, **embeds, **GUIDED)


def test_embeddings_of_its_own_are_known_with_both_their_texts(flux: tuple[Family, Guard]) -> None:
    family, guard = flux
    length = {"max_sequence_length": family.call_options(HOW)["max_sequence_length"]}
    for prompt, second, found in ((KEPT, FORGOTTEN, True), (FORGOTTEN, DOG, True), (KEPT, DOG, False)):
        bare = drawn(family, 1, prompt, second)
        with guard.attached(family.pipeline, family=family):
            states, pooled, _ = family.pipeline.encode_prompt(prompt, second, **length)
            guarded = drawn(family, 1, prompt_embeds=states, pooled_prompt_embeds=pooled)
        assert torch.equal(bare, guarded) != found
    # Routes of two rows that were read make no row that was.
    with guard.attached(family.pipeline, family=family):
        kept, dog = (family.pipeline.encode_prompt(each, **length) for each in (KEPT, DOG))
        with pytest.raises(UnhypeError, match="got prompt embeddings"):
            drawn(family, 1, prompt_embeds=kept[0], pooled_prompt_embeds=dog[1])
