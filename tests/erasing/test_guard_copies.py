"""Siblings and copies of a guarded pipeline, and its denoiser by itself: guarded, or refused in a line."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoPipelineForImage2Image, StableDiffusionImg2ImgPipeline, StableDiffusionPipeline

from tests.erasing.conftest import GUARDED, NAME, OTHER, difference, draw, guards
from unhype.adapters.watching import detach, is_guarded
from unhype.erasing.guard import Guard
from unhype.errors import UnhypeError

pytestmark = pytest.mark.slow


def siblings(pipe: Any) -> list[Any]:
    return [
        StableDiffusionPipeline.from_pipe(pipe),
        StableDiffusionPipeline(**pipe.components, requires_safety_checker=False),
        type(pipe)(**pipe.components, requires_safety_checker=False),
        type(pipe).from_pipe(pipe),
        AutoPipelineForImage2Image.from_pipe(pipe),
    ]


def from_picture(pipe: Any, prompts: tuple[str, ...] = (NAME, OTHER)) -> np.ndarray:
    image = torch.linspace(0, 1, 3 * 64 * 64).reshape(1, 3, 64, 64).expand(len(prompts), -1, -1, -1)
    return draw(pipe, prompts, image=image, strength=1.0)


def test_a_sibling_is_refused_until_it_is_guarded_itself(pipe: Any, strong: Guard) -> None:
    with strong.attached(pipe):
        draw(pipe, NAME)
        for sibling in siblings(pipe):
            assert not is_guarded(sibling)
            call = from_picture if isinstance(sibling, StableDiffusionImg2ImgPipeline) else draw
            with pytest.raises(UnhypeError, match="attach the guard to the pipeline that you call"):
                call(sibling)


def test_two_siblings_under_one_guard_draw_what_each_draws_alone(pipe: Any, strong: Guard) -> None:
    sibling = StableDiffusionImg2ImgPipeline.from_pipe(pipe)
    alone, other = guards(pipe, strong), guards(sibling, strong, from_picture)
    with strong.attached(pipe):
        with strong.attached(sibling):
            assert np.array_equal(from_picture(sibling), other)
            assert np.array_equal(draw(pipe), alone)
        with pytest.raises(UnhypeError, match="attach the guard"):
            from_picture(sibling)
        assert np.array_equal(draw(pipe), alone)
    with strong.attached(pipe), pytest.raises(UnhypeError, match="under another guard"):
        Guard(strong.trained).attach(sibling)


@pytest.mark.parametrize("first", ["copy", "original"])
def test_a_deep_copy_is_guarded_until_itself_is_detached(pipe: Any, strong: Guard, first: str) -> None:
    bare = draw(pipe)
    sibling = StableDiffusionPipeline.from_pipe(pipe)
    with strong.attached(sibling):
        undo = strong.attach(pipe)
        twin = copy.deepcopy(pipe)
        guarded = draw(pipe)
        assert np.array_equal(draw(twin), guarded)
        (lambda: detach(twin))() if first == "copy" else undo()
        freed, bound = (twin, pipe) if first == "copy" else (pipe, twin)
        assert np.array_equal(draw(bound), guarded)
        if first == "copy":
            assert np.array_equal(draw(freed), bare)
        detach(bound)
    for each in (pipe, twin):
        assert np.array_equal(draw(each), bare)
        assert not any(module._forward_hooks for module in each.unet.modules())


def test_a_shallow_copy_is_held_by_itself(pipe: Any, strong: Guard) -> None:
    bare = draw(pipe)
    undo = strong.attach(pipe)
    twin = copy.copy(pipe)
    undo()
    assert difference(draw(twin), bare)[0] > GUARDED
    detach(twin)
    assert np.array_equal(draw(twin), bare)


def test_a_copied_denoiser_is_closed_until_a_guard_opens_it(pipe: Any, strong: Guard) -> None:
    with strong.attached(pipe):
        unet = copy.deepcopy(pipe.unet)
    other = StableDiffusionPipeline.from_pipe(pipe, unet=unet)
    with pytest.raises(UnhypeError, match="copy of a unet under guard"):
        draw(other)
    strong.attach(other)()
    draw(other)


def test_the_denoiser_alone_is_refused_after_a_guarded_call(pipe: Any, strong: Guard) -> None:
    states = pipe.encode_prompt(NAME, "cpu", 1, False)[0]
    noisy, time = torch.randn(1, 4, 16, 16), torch.tensor([500])
    with strong.attached(pipe), torch.no_grad():
        draw(pipe)
        with pytest.raises(UnhypeError, match="no guarded pipeline has read"):
            pipe.unet(noisy, time, encoder_hidden_states=states)
        with pytest.raises(UnhypeError, match="alone, wanted one of the whole unet"):
            pipe.unet.forward(noisy, time, encoder_hidden_states=states)
        own = pipe.encode_prompt(NAME, "cpu", 1, False)[0]
        known = pipe.unet(noisy, time, encoder_hidden_states=own).sample
    bare = pipe.unet(noisy, time, encoder_hidden_states=states).sample
    assert torch.equal(own, states)
    assert (known - bare).abs().mean() > 0.01


def test_another_denoiser_is_refused_at_once_and_inside_a_call(pipe: Any, strong: Guard) -> None:
    others = {name: copy.deepcopy(getattr(pipe, name)) for name in ("unet", "text_encoder", "tokenizer")}

    def exchange(p: Any, step: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        p.unet = others["unet"]
        return tensors

    with strong.attached(pipe):
        for name, other in others.items():
            with pytest.raises(UnhypeError, match=f"got another {name} while the pipeline is under guard"):
                setattr(pipe, name, other)
        with pytest.raises(UnhypeError, match="got another unet"):
            draw(pipe, callback_on_step_end=exchange)
        vars(pipe)["unet"], own = others["unet"], pipe.unet
        with pytest.raises(UnhypeError, match="got another unet"):
            draw(pipe)
        vars(pipe)["unet"] = own
        pipe.unet, pipe.vae = pipe.unet, copy.deepcopy(pipe.vae)
        draw(pipe)
        pipe.unet = torch.compile(pipe.unet, backend="eager")  # the same weights, wrapped
    assert not any(module._forward_hooks for module in pipe.unet.modules())
