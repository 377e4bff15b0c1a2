"""Layers that are fused, hooked, offloaded, compiled or under another LoRA: guarded, or refused in a line."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPAGPipeline

from tests.erasing.conftest import GUARDED, NAME, OTHER, difference, draw, guards
from unhype.erasing.guard import Guard
from unhype.errors import UnhypeError

pytestmark = pytest.mark.slow


def test_fused_projections_are_refused_before_and_an_error_at_the_first_call_after(pipe: Any, strong: Guard) -> None:
    bare = copy.deepcopy(pipe.unet)
    pipe.fuse_qkv_projections()
    with pytest.raises(UnhypeError, match=r"fused projections.*unfuse_qkv_projections"):
        strong.attach(pipe)
    pipe.unet = copy.deepcopy(bare)
    with strong.attached(pipe):
        draw(pipe)
        pipe.fuse_qkv_projections()
        with pytest.raises(UnhypeError, match=r"never ran.*undo fuse_qkv_projections"):
            draw(pipe)
        pipe.unfuse_qkv_projections()
        draw(pipe)


def test_text_that_a_hook_or_a_processor_exchanges_is_refused(pipe: Any, strong: Guard) -> None:
    from diffusers.models.attention_processor import AttnProcessor

    other = pipe.encode_prompt(NAME, "cpu", 1, False)[0].expand(2, -1, -1)

    class Regional(AttnProcessor):  # type: ignore[misc]
        """Attends to a prompt of its own."""

        def __call__(
            self, attn: Any, hidden_states: Any, encoder_hidden_states: Any = None, *args: Any, **kw: Any
        ) -> Any:
            own = None if encoder_hidden_states is None else other
            return super().__call__(attn, hidden_states, own, *args, **kw)

    def swap(module: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        return args, {**kwargs, "encoder_hidden_states": other}

    with strong.attached(pipe):
        hook = pipe.unet.register_forward_pre_hook(swap, with_kwargs=True)
        with pytest.raises(UnhypeError, match="got other text at"):
            draw(pipe, OTHER)
        hook.remove()
        pipe.unet.set_attn_processor(Regional())
        with pytest.raises(UnhypeError, match="got other text at"):
            draw(pipe, OTHER)


def test_a_denoiser_that_is_offloaded_layer_by_layer(pipe: Any, strong: Guard) -> None:
    accelerate = pytest.importorskip("accelerate")
    bare = draw(pipe)
    with strong.attached(pipe):
        accelerate.cpu_offload(pipe.unet, torch.device("cpu"))
        assert pipe.unet.conv_in.weight.is_meta
        name, other = difference(draw(pipe), bare)
    assert name > GUARDED
    assert other == 0
    assert np.array_equal(draw(pipe), bare)
    with pytest.raises(UnhypeError, match="attach the guard before offloading"):
        strong.attach(pipe)


def wrapped(pipe: Any) -> None:
    pipe.unet = torch.compile(pipe.unet, backend="eager")


def in_place(pipe: Any) -> None:
    """A part of it, as regional compilation does: the whole takes the test minutes."""
    pipe.unet.mid_block.compile(backend="eager")


@pytest.mark.parametrize("compiled", [wrapped, in_place])
def test_a_compiled_denoiser(pipe: Any, strong: Guard, compiled: Callable[[Any], None]) -> None:
    """Drawn with before the guard is attached: torch doesn't look for new hooks in code that it has compiled."""
    compiled(pipe)
    bare = draw(pipe)
    with strong.attached(pipe):
        name, other = difference(draw(pipe), bare)
    assert name > GUARDED
    assert other < 0.1
    assert max(difference(draw(pipe), bare)) < 0.1
    torch._dynamo.reset()


def lora(pipe: Any) -> None:
    """Somebody else's, on the layers that the guard adapts."""
    from peft import LoraConfig

    torch.manual_seed(5)
    pipe.unet.add_adapter(
        LoraConfig(r=2, target_modules=["attn2.to_k", "attn2.to_v"], init_lora_weights=False), "style"
    )


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("when", ["before", "during"])
def test_somebody_elses_lora_on_the_same_layers(pipe: Any, strong: Guard, fused: bool, when: str) -> None:
    pytest.importorskip("peft")
    plain = draw(pipe)

    def load() -> None:
        lora(pipe)
        if fused:
            pipe.fuse_lora(components=["unet"])

    if when == "before":
        load()
        bare = draw(pipe)
        guards(pipe, strong, bare=bare)
    else:
        with strong.attached(pipe):
            load()
            during = draw(pipe)
        bare = draw(pipe)
        name, other = difference(bare, during)
        assert name > GUARDED
        assert other == 0
    assert max(difference(bare, plain)) > 0.1, "the LoRA is in the picture"


def test_perturbed_attention_and_its_three_parts(pipe: Any, strong: Guard) -> None:
    pag = StableDiffusionPAGPipeline.from_pipe(pipe, pag_applied_layers=["mid"])
    for guidance in (1.0, 4.0):
        guards(pag, strong, lambda p, g=guidance: draw(p, pag_scale=2.0, guidance_scale=g))
    bare = draw(pag, [OTHER] * 2, negative_prompt=[NAME] * 2, pag_scale=2.0)
    with strong.attached(pag):
        assert np.array_equal(draw(pag, [OTHER] * 2, negative_prompt=[NAME] * 2, pag_scale=2.0), bare)
