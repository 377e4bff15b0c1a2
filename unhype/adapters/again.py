"""A pipeline's call is made again where something was seen: for those pictures alone, if they stand by themselves.

Pictures of a list of prompts, each with a generator of its own, do: the others are finished, and stay. Whatever else a
call may be given (pictures, masks, embeddings, callbacks), and code that was compiled for a batch, has all of it begin
again from the same noise.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import torch
from diffusers.utils import BaseOutput
from PIL import Image

from unhype.adapters.looking import BeginAgain, Seen, attention_of
from unhype.adapters.randomness import Randomness
from unhype.adapters.rows import Reader
from unhype.adapters.sites import is_compiled
from unhype.adapters.watch import Watch

TEXTS = ("prompt", "prompt_2", "negative_prompt", "negative_prompt_2")
"""Arguments of which each picture may have its own."""


PLAIN = (bool, int, float, str)


@dataclass(frozen=True)
class Apart:
    """The arguments of a call whose pictures stand by themselves.

    Attributes:
        given: all of them, by name.
        pictures: how many are drawn.
    """

    given: Mapping[str, Any]
    pictures: int

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Apart | None:
        """None where a call has something that belongs to all of its pictures, or where nobody can say."""
        prompts, generators = given.get("prompt"), given.get("generator")
        if not isinstance(prompts, list) or not isinstance(generators, list) or len(generators) != len(prompts):
            return None
        if not all(isinstance(prompt, str) for prompt in prompts):
            return None
        if given.get("num_images_per_prompt") not in (None, 1):
            return None
        known = all(
            _is_plain(value) or (name in TEXTS and isinstance(value, list) and len(value) == len(prompts))
            for name, value in given.items()
            if name != "generator"
        )
        return cls(given, len(prompts)) if known else None

    def part(self, places: Sequence[int]) -> dict[str, Any]:
        """The same for some of the pictures."""
        return {
            name: [value[place] for place in places] if isinstance(value, list) else value
            for name, value in self.given.items()
        }

    def joined(self, result: Any, again: Any, places: Sequence[int]) -> Any:
        """A call's result with other pictures in these places; None where that can't be made of it."""
        if not isinstance(result, tuple | BaseOutput):
            return None
        values, others = _values(result), _values(again)
        whole = [_put(value, other, places, self.pictures) for value, other in zip(values, others, strict=True)]
        if any(new is None and old is not None for new, old in zip(whole, values, strict=True)):
            return None
        return type(result)(*whole) if isinstance(result, BaseOutput) else tuple(whole)


def _values(result: Any) -> list[Any]:
    """What a pipeline gave, part by part: pictures, and what a safety checker said of them."""
    return [getattr(result, one.name) for one in fields(result)] if is_dataclass(result) else list(result)


def _is_plain(value: Any) -> bool:
    """Whether it is the same for all pictures."""
    return all(map(_is_plain, value)) if isinstance(value, tuple) else value is None or isinstance(value, PLAIN)


def _put(values: Any, others: Any, places: Sequence[int], n: int) -> Any:
    """Other values in these places, or None where there isn't one for each picture."""
    if not isinstance(values, torch.Tensor | np.ndarray | list) or len(values) != n or len(others) != len(places):
        return None
    if isinstance(values, torch.Tensor):
        return values.index_copy(0, torch.tensor(places, device=values.device), others)
    if isinstance(values, np.ndarray):
        values = values.copy()
        values[list(places)] = others
        return values
    if not all(isinstance(one, Image.Image | bool | np.bool_) for one in values):
        return None
    found = dict(zip(places, others, strict=True))
    return [found.get(place, value) for place, value in enumerate(values)]


def drawn(
    watch: Watch,
    reader: Reader,
    call: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    seen: Seen | None = None,
) -> Any:
    """Make a pipeline's call until nothing is seen that has not been heeded; returns what it gave.

    Args:
        seen: in its pictures before.

    Raises:
        UnhypeError: see :func:`unhype.adapters.looking.look`.
    """
    seen = seen or {}
    given = inspect.signature(call).bind_partial(*args, **kwargs).arguments
    apart = Apart.of(given) if _is_plainly_drawn(reader.family.denoiser) else None
    random = Randomness(given.get("generator"))
    while True:
        scope = watch.enter(reader, seen, finishes=apart is not None)
        try:
            result = call(*args, **kwargs)
            watch.look_at_last()
            found: Seen = scope.found
        except BeginAgain as begins_again:
            watch.begin_again()
            result, found = None, begins_again.seen
        finally:
            watch.leave()
        places = [picture for picture, what in found.items() if what != seen.get(picture)]
        if not places:
            return result
        if apart and result is not None:
            random.restore(places)
            theirs = {place: found[picture] for place, picture in enumerate(places)}
            again = drawn(watch, reader, call, (), apart.part(places), theirs)
            if (joined := apart.joined(result, again, places)) is not None:
                return joined
            apart = None
        random.restore()
        seen = found


def _is_plainly_drawn(denoiser: Any) -> bool:
    """Whether a batch of another size costs nothing, and no attention of somebody's own joins its pictures."""
    own = all(type(each).__module__.startswith("diffusers.") for each in attention_of(denoiser).values())
    return own and not is_compiled(denoiser)
