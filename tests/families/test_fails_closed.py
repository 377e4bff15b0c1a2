"""On every family: text that no guarded pipeline has read does not reach the denoiser, whichever way it comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from tests.families import tiny
from tests.families.guards import FORGOTTEN, KEPT, guard_of
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.pictures.sampling import Sampling

UNREAD = "rows of text at the .* that no guarded pipeline has read"


@pytest.fixture(params=tiny.BUILDERS)
def family(request: pytest.FixtureRequest) -> Iterator[Family]:
    """Under guard, with ``bare``: what the forgotten prompt was encoded to before."""
    family = family_of(tiny.BUILDERS[request.param]())
    family.pipeline.set_progress_bar_config(disable=True)
    family.bare = family.encode([FORGOTTEN])  # type: ignore[attr-defined]
    with guard_of(family).attached(family.pipeline):
        yield family


def called(family: Family, pipeline: Any = None, prompt: str | None = KEPT, **options: Any) -> Any:
    how = family.call_options(Sampling(size=tiny.SIZE))
    return (pipeline or family.pipeline)(prompt, num_inference_steps=2, output_type="np", **how, **options).images


def embeddings(text: Any) -> dict[str, torch.Tensor]:
    pooled = {} if text.pooled is None else {"pooled_prompt_embeds": text.pooled}
    return {"prompt_embeds": text.states, **pooled}


def test_embeddings_are_refused(family: Any) -> None:
    given = embeddings(family.bare)
    negative = {f"negative_{name}": torch.zeros_like(part) for name, part in given.items()}
    options = given if family.name == "flux" else given | negative
    with pytest.raises(UnhypeError, match="got prompt embeddings, wanted the prompts themselves"):
        called(family, prompt=None, **options)


def test_a_sibling_is_refused(family: Any) -> None:
    parts = {name: part for name, part in family.pipeline.components.items() if name != "safety_checker"}
    options = {"safety_checker": None, "requires_safety_checker": False} if family.name == "stable_diffusion" else {}
    sibling = type(family.pipeline)(**parts, **options)
    sibling.set_progress_bar_config(disable=True)
    with pytest.raises(UnhypeError, match=UNREAD):
        called(family, sibling, FORGOTTEN)


def test_what_a_callback_swaps_in_is_refused_on_every_route(family: Any) -> None:
    """Callbacks of Stable Diffusion XL may also exchange the pooled rows, under a name of their own; Flux's may not."""
    routes = {"prompt_embeds": family.bare.states, "add_text_embeds": family.bare.pooled}
    allowed = [name for name in routes if name in family.pipeline._callback_tensor_inputs]
    assert allowed == list(routes)[: 1 + (family.name == "sdxl")]
    for name in allowed:

        def swap(pipeline: Any, step: int, time: Any, given: dict[str, Any], name: str = name) -> dict[str, Any]:
            return {name: torch.cat([given[name][:-1], routes[name]])}  # the last row is the prompt's

        with pytest.raises(UnhypeError, match=UNREAD):
            called(family, callback_on_step_end=swap, callback_on_step_end_tensor_inputs=[name])


def test_what_a_hook_puts_before_a_layer_of_text_is_refused_on_every_route(family: Any) -> None:
    """The hook comes after the guard's own, on the very layer that reads the text."""
    routes = [(family.text_layers[0], family.bare.states)]
    if family.bare.pooled is not None:
        routes.append((family.pooled_layers[0], family.bare.pooled))
    assert len(routes) == 1 + (family.name != "stable_diffusion")
    for site, other in routes:

        def put(layer: Any, args: tuple[Any, ...], other: Any = other) -> tuple[Any, ...]:
            given = args[0].clone()
            given[-1, ..., : other.shape[-1]] = other[0]
            return (given,)

        handle = family.denoiser.get_submodule(site.name).register_forward_pre_hook(put)
        with pytest.raises(UnhypeError, match=f"got other text at '{site.name}'"):
            called(family)
        handle.remove()
    called(family)
