"""Walking around a guard as people do, without meaning to: each way is closed, or refused in a line."""

from __future__ import annotations

import copy
import threading
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    AutoPipelineForImage2Image,
    DDIMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPAGPipeline,
    StableDiffusionPipeline,
)

from tests.erasing.conftest import NAME, OTHER, difference, draw, guards
from unhype.adapters.watching import detach, is_guarded
from unhype.erasing.guard import Guard
from unhype.errors import UnhypeError

pytestmark = pytest.mark.slow

GUARDED = 3.0
"""Levels of 255 by which the strong guard changes a picture, at least."""


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


# ---------------------------------------------------------------- siblings and copies


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


def test_a_copied_guard_reads_with_the_copys_own_words(pipe: Any, strong: Guard) -> None:
    with strong.attached(pipe):
        twin = copy.deepcopy(pipe)
    load_inversion(twin, "<x>", NAME.split(" ", 3)[3])
    assert_reads(twin, strong, "a photo of <x>", attached=True)


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


# ---------------------------------------------------------------- the denoiser by itself


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


# ---------------------------------------------------------------- callbacks


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


# ---------------------------------------------------------------- words


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


def test_a_textual_inversion_of_several_vectors_is_read(pipe: Any, strong: Guard) -> None:
    assert len(pipe.tokenizer("Emma Stone", add_special_tokens=False).input_ids) > 1
    load_inversion(pipe, "<x>", "Emma Stone")
    assert_reads(pipe, strong, "a photo of <x>")


def test_a_textual_inversion_that_comes_later_under_a_known_token_is_read(pipe: Any, strong: Guard) -> None:
    load_inversion(pipe, "<x>", "dog")
    strong.attach(pipe)
    draw(pipe, "a photo of <x>")
    pipe.unload_textual_inversion()
    load_inversion(pipe, "<x>", "Cher")
    assert_reads(pipe, strong, "a photo of <x>", attached=True)


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


# ---------------------------------------------------------------- layers


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


# ---------------------------------------------------------------- threads


def in_threads(*calls: Callable[[], np.ndarray]) -> list[np.ndarray]:
    found: dict[int, np.ndarray] = {}
    threads = [threading.Thread(target=lambda i=i, c=call: found.__setitem__(i, c())) for i, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[i] for i in range(len(calls))]


@pytest.mark.parametrize("shared", [True, False])
def test_two_threads_draw_what_each_draws_alone(pipe: Any, strong: Guard, shared: bool) -> None:
    scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    other = StableDiffusionPipeline.from_pipe(pipe, scheduler=scheduler) if shared else copy.deepcopy(pipe)
    with strong.attached(pipe), strong.attached(other):
        alone = draw(pipe, [NAME, OTHER], 4), draw(other, [OTHER, NAME], 4)
        together = in_threads(lambda: draw(pipe, [NAME, OTHER], 4), lambda: draw(other, [OTHER, NAME], 4))
    assert all(np.array_equal(*pair) for pair in zip(alone, together, strict=True))


# ---------------------------------------------------------------- traces


def state(pipe: Any) -> list[Any]:
    found: list[Any] = [type(pipe), {name: id(value) for name, value in vars(pipe).items()}]
    for part in (pipe.unet, pipe.text_encoder, pipe.vae):
        for name, module in part.named_modules():
            hooks = {key: list(value) for key, value in vars(module).items() if "hooks" in key and value is not None}
            found.append((name, type(module), sorted(vars(module)), hooks, module.training))
        found.append([(name, id(p), p.requires_grad) for name, p in part.named_parameters()])
    return found


def test_everything_is_what_it_was_after_detaching(pipe: Any, strong: Guard, tmp_path: Path) -> None:
    pipe.unet.requires_grad_(True).train()
    before = state(pipe)
    with strong.attached(pipe):
        assert type(pipe).__name__ == "StableDiffusionPipeline"
        assert isinstance(pipe, StableDiffusionPipeline)
        assert sorted(pipe.components) == sorted(StableDiffusionPipeline.from_pipe(pipe).components)
        with pytest.warns(UserWarning, match="guard is not in the files"):
            pipe.save_pretrained(tmp_path)
    assert state(pipe) == before
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = StableDiffusionPipeline.from_pretrained(tmp_path)
    assert not is_guarded(loaded)
    guards(loaded, strong)
