"""A pipeline whose prompts decide its adapters: each call's prompts are read, their factors held until the next call.

It fails closed: a call whose prompts can't be read is refused, and detaching gives the pipeline back as it was, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from unhype.adapters.lora import Factors, Site, listen
from unhype.errors import UnhypeError

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline

Reading = Callable[[list[str]], Mapping[str, Factors]]
"""Prompts → site name → one adapter for each prompt."""


def attach(
    pipeline: StableDiffusionPipeline, sites: Sequence[Site], read: Reading, unconditional: bool = False
) -> Callable[[], None]:
    """Adapt a pipeline from now on; returns what undoes it.

    Args:
        sites: the layers of the pipeline's U-Net that ``read`` gives factors for.
        unconditional: whether the unconditional half of guidance is adapted too, as it is where a LoRA is merged into the weights.

    Raises:
        UnhypeError: a pipeline that is adapted already; later, prompt embeddings in place of prompts, or a call of the U-Net alone.
    """
    if "encode_prompt" in vars(pipeline):
        raise UnhypeError("got a pipeline that is under guard already, wanted a bare one: detach the other guard first")
    current: dict[str, Factors] = {}
    encode = pipeline.encode_prompt

    def encode_prompt(
        prompt: Any,
        device: Any,
        num_images_per_prompt: int,
        do_classifier_free_guidance: bool,
        *rest: Any,
        **named: Any,
    ) -> Any:
        current.clear()
        if prompt is None or named.get("prompt_embeds") is not None:
            raise UnhypeError(
                "got prompt embeddings, wanted the prompts themselves: a guarded pipeline must read what it draws"
            )
        for name, factors in read([prompt] if isinstance(prompt, str) else list(prompt)).items():
            each = factors.repeated(num_images_per_prompt)
            if do_classifier_free_guidance:
                each = each.after(each) if unconditional else each.after_unadapted()
            current[name] = each
        return encode(prompt, device, num_images_per_prompt, do_classifier_free_guidance, *rest, **named)

    def now(site: str) -> Factors:
        if site not in current:
            raise UnhypeError(
                "got a call of the U-Net alone, wanted one of the whole pipeline: the guard has not read a prompt for it"
            )
        return current[site]

    handles = [listen(pipeline.unet, site.name, now) for site in sites]
    pipeline.encode_prompt = encode_prompt

    def detach() -> None:
        for handle in handles:
            handle.remove()
        if "encode_prompt" in vars(pipeline):
            del pipeline.encode_prompt

    return detach


@contextmanager
def attached(
    pipeline: StableDiffusionPipeline, sites: Sequence[Site], read: Reading, unconditional: bool = False
) -> Iterator[StableDiffusionPipeline]:
    """The same while the context is open."""
    detach = attach(pipeline, sites, read, unconditional)
    try:
        yield pipeline
    finally:
        detach()
