"""What a callback swaps in while a guarded pipeline draws is read, or refused in a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tests.erasing.conftest import GUARDED, NAME, OTHER, difference, draw, guards
from unhype.adapters.watching import is_guarded
from unhype.erasing.guard import Guard
from unhype.errors import UnhypeError

pytestmark = pytest.mark.slow


Change = Callable[[Any, dict[str, Any]], dict[str, Any]]


def after_first_step(change: Change, inputs: tuple[str, ...] = ("prompt_embeds",)) -> dict[str, Any]:
    def callback(pipe: Any, step: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        return {**tensors, **change(pipe, tensors)} if step == 0 else tensors

    return {"callback_on_step_end": callback, "callback_on_step_end_tensor_inputs": ["latents", *inputs]}


def test_text_that_a_callback_swaps_in_is_read_or_refused(pipe: Any, strong: Guard) -> None:
    foreign = torch.cat([pipe.encode_prompt(prompt, "cpu", 1, False)[0] for prompt in ("", NAME)])

    def own(p: Any, _: Any) -> dict[str, Any]:
        positive, negative = p.encode_prompt(NAME, "cpu", 1, True)
        return {"prompt_embeds": torch.cat([negative, positive])}

    swap = after_first_step(own)
    bare = draw(pipe, OTHER, 3, **swap)
    with strong.attached(pipe):
        assert difference(draw(pipe, OTHER, 3, **swap), bare)[0] > GUARDED
        with pytest.raises(UnhypeError, match="no guarded pipeline has read"):
            draw(pipe, OTHER, **after_first_step(lambda p, _: {"prompt_embeds": foreign}))


def conditional_is_negative(pipe: Any, tensors: dict[str, Any]) -> dict[str, Any]:
    negative, _ = tensors["prompt_embeds"].chunk(2)
    return {"prompt_embeds": torch.cat([negative, negative])}


def bare_negative(pipe: Any, tensors: dict[str, Any]) -> dict[str, Any]:
    pipe._guidance_scale = 1.0
    return {"prompt_embeds": tensors["prompt_embeds"].chunk(2)[0]}


def twice_without_guidance(pipe: Any, tensors: dict[str, Any]) -> dict[str, Any]:
    pipe._guidance_scale = 1.0
    return {"latents": tensors["latents"].repeat(2, 1, 1, 1)}


@pytest.mark.parametrize("change", [conditional_is_negative, bare_negative, twice_without_guidance])
def test_a_negative_prompt_in_the_place_of_a_prompt_is_read(pipe: Any, strong: Guard, change: Change) -> None:
    options = {"negative_prompt": NAME, **after_first_step(change)}
    bare = draw(pipe, OTHER, 3, **options)
    with strong.attached(pipe):
        assert difference(draw(pipe, OTHER, 3, **options), bare)[0] > GUARDED


def test_negative_embeddings_of_unknown_text_cannot_become_a_prompt(pipe: Any, strong: Guard) -> None:
    unknown = pipe.encode_prompt(NAME, "cpu", 1, False)[0]
    bare = draw(pipe, OTHER, negative_prompt_embeds=unknown)
    with strong.attached(pipe):
        assert np.array_equal(draw(pipe, OTHER, negative_prompt_embeds=unknown), bare)
        with pytest.raises(UnhypeError, match="negative prompt embeddings in the place of a prompt"):
            draw(pipe, OTHER, negative_prompt_embeds=unknown, **after_first_step(conditional_is_negative))


def test_a_negative_prompt_that_names_the_forgotten_stays_the_bases_own(pipe: Any, strong: Guard) -> None:
    bare = draw(pipe, [OTHER, OTHER], negative_prompt=[NAME, NAME])
    with strong.attached(pipe):
        assert np.array_equal(draw(pipe, [OTHER, OTHER], negative_prompt=[NAME, NAME]), bare)


def test_a_callback_that_turns_guidance_off(pipe: Any, strong: Guard) -> None:
    def off(p: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        p._guidance_scale = 1.0
        return {"prompt_embeds": tensors["prompt_embeds"].chunk(2)[1]}

    guards(pipe, strong, lambda p: draw(p, steps=3, **after_first_step(off)))


def test_nothing_is_left_of_a_call_that_broke_off(pipe: Any, strong: Guard) -> None:
    class BrokenError(Exception):
        pass

    def interrupt(*_: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    def breaks(*_: Any) -> None:
        raise BrokenError

    alone = guards(pipe, strong)
    with strong.attached(pipe):
        with pytest.raises(KeyboardInterrupt):
            draw(pipe, [NAME, NAME], callback_on_step_end=interrupt)
        hook = pipe.unet.mid_block.register_forward_hook(breaks)
        with pytest.raises(BrokenError):
            draw(pipe, [NAME, NAME])
        hook.remove()
        with pytest.raises(UnhypeError, match="alone, wanted one"):
            pipe.unet.get_submodule(strong.trained.hypernet.sites[0].name)(torch.zeros(2, 3, 128))
        assert max(difference(draw(pipe), alone)) < 0.01, "but for rounding: phrases are read in other batches"


def test_pictures_are_withheld_if_the_guard_went_while_they_were_drawn(pipe: Any, strong: Guard) -> None:
    undo = strong.attach(pipe)

    def leave(p: Any, step: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        undo()
        return tensors

    with pytest.raises(UnhypeError, match="detached while its pipeline drew"):
        draw(pipe, callback_on_step_end=leave)
    assert not is_guarded(pipe)
