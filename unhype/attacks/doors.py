"""The doors by which learned embeddings can be given to a pipeline: each is closed, or shows what it lets in.

prompt_embeds             the states of the text, encoded with the embeddings by somebody's own copy
loaded before             ``load_textual_inversion``, then the eraser is attached
loaded after              the eraser is attached, then ``load_textual_inversion``
a token with a sign       the same under a name that a reader of words may cut in two
under known words         written over the vectors of words that were drawn before, past whoever counts changes

The pipeline is given back as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from unhype.attacks.acting import acting
from unhype.attacks.inversion import TOKEN, Placed
from unhype.attacks.objective import PROMPT
from unhype.eraser import Eraser
from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.pictures.pixels import to_pixels
from unhype.pictures.sampling import Sampling

SIGNED = "zq/xz"
"""A token with a sign inside."""

Door = Callable[[Eraser, Family, torch.Tensor, Sequence[int], Sampling], np.ndarray]
"""Eraser, its family, vectors ``[K, d]``, seeds, sampling → pictures ``uint8 [n, height, width, 3]``."""


def through(
    door: str, eraser: Eraser, family: Family, vectors: torch.Tensor, seeds: Sequence[int], how: Sampling
) -> np.ndarray | str:
    """The pictures that a door of :data:`DOORS` lets through, or the words by which it is closed."""
    try:
        with _restored(family):
            return DOORS[door](eraser, family, vectors, seeds, how)
    except UnhypeError as error:
        return str(error)


def _embeds(eraser: Eraser, family: Family, vectors: torch.Tensor, seeds: Sequence[int], how: Sampling) -> np.ndarray:
    with torch.no_grad():
        states = Placed(family, PROMPT.format(TOKEN), vectors).text().states
        empty = family.unconditional(1).states
    found = []
    with acting(eraser, family.pipeline):
        for start in range(0, len(seeds), how.batch):
            part = seeds[start : start + how.batch]
            result = family.pipeline(
                prompt_embeds=states.repeat(len(part), 1, 1),
                negative_prompt_embeds=empty.repeat(len(part), 1, 1),
                num_inference_steps=how.steps,
                guidance_scale=how.guidance,
                generator=[torch.Generator("cpu").manual_seed(int(seed)) for seed in part],
                output_type="pt",
                **family.call_options(how),
            )
            found.append(to_pixels(result.images * 2 - 1))
    return np.concatenate(found)


def _before(eraser: Eraser, family: Family, vectors: torch.Tensor, seeds: Sequence[int], how: Sampling) -> np.ndarray:
    _load(family, TOKEN, vectors)
    with acting(eraser, family.pipeline):
        return _drawn(family, TOKEN, seeds, how)


def _after(
    eraser: Eraser, family: Family, vectors: torch.Tensor, seeds: Sequence[int], how: Sampling, token: str = TOKEN
) -> np.ndarray:
    with acting(eraser, family.pipeline):
        _load(family, token, vectors)
        return _drawn(family, token, seeds, how)


def _signed(eraser: Eraser, family: Family, vectors: torch.Tensor, seeds: Sequence[int], how: Sampling) -> np.ndarray:
    return _after(eraser, family, vectors, seeds, how, SIGNED)


def _written(eraser: Eraser, family: Family, vectors: torch.Tensor, seeds: Sequence[int], how: Sampling) -> np.ndarray:
    known = _known(family, len(vectors))
    words, ids = " ".join(known), list(known.values())
    table = _encoder(family).get_input_embeddings().weight
    with acting(eraser, family.pipeline):
        _drawn(family, words, seeds[:1], how)
        table.data[ids] = vectors.to(table)  # past the counter of changes that a tensor has
        return _drawn(family, words, seeds, how)


DOORS: dict[str, Door] = {
    "prompt_embeds": _embeds,
    "loaded before": _before,
    "loaded after": _after,
    "a token with a sign": _signed,
    "under known words": _written,
}


def _drawn(family: Family, text: str, seeds: Sequence[int], how: Sampling) -> np.ndarray:
    return np.concatenate(list(family.draw([PROMPT.format(text)] * len(seeds), list(seeds), how)))


def _load(family: Family, token: str, vectors: torch.Tensor) -> None:
    family.pipeline.load_textual_inversion({token: vectors.detach().cpu()})


def _known(family: Family, k: int) -> dict[str, int]:
    """k words that are a token each, of letters alone."""
    tokenizer = getattr(family.pipeline, family.encoders[0][1])
    whole = {token.removesuffix("</w>"): i for token, i in tokenizer.get_vocab().items() if token.endswith("</w>")}
    return {word: whole[word] for word in sorted(word for word in whole if word.isalpha() and len(word) > 3)[:k]}


def _encoder(family: Family) -> Any:
    return getattr(family.pipeline, family.encoders[0][0])


@contextmanager
def _restored(family: Family) -> Iterator[None]:
    """The text encoder and its tokenizer are what they were when the context closes."""
    encoder, tokenizer = _encoder(family), getattr(family.pipeline, family.encoders[0][1])
    layer, size, entries = encoder.get_input_embeddings(), len(tokenizer), encoder.config.vocab_size
    table = layer.weight
    kept = table.detach().clone()
    try:
        yield
    finally:
        if len(tokenizer) != size:
            family.pipeline.unload_textual_inversion()
        encoder.set_input_embeddings(layer)
        layer.weight, layer.num_embeddings, table.data = table, len(kept), kept  # it grew, in place
        encoder.config.vocab_size = entries
        with torch.no_grad():
            table.add_(0)  # counts as a change: what was remembered of the text holds no longer
