"""A pipeline's call is made again where something was seen: for those pictures alone, if they stand by themselves.

Pictures of a list of prompts, each with a generator of its own, do, in the calls of pipelines whose rows were looked
at: the others are finished, and stay. Whatever else a call may be given (pictures, masks, embeddings, callbacks), any
other pipeline's call, and code that was compiled for a batch has all of it begin again from the same noise.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from diffusers.utils import BaseOutput
from torch import nn

from unhype.adapters.looking import BeginAgain, Seen, attention_of
from unhype.adapters.randomness import Randomness
from unhype.adapters.rows import Reader, Watchable
from unhype.adapters.sites import is_compiled
from unhype.adapters.watch import Watch

CALLS = frozenset(
    f"{name}.__call__" for name in ("StableDiffusionPipeline", "StableDiffusionXLPipeline", "FluxPipeline")
)
"""Calls of diffusers that draw a picture from each prompt, in the order of the prompts, and hand nothing on before."""

TEXTS = ("prompt", "prompt_2", "negative_prompt", "negative_prompt_2")
"""Arguments of which each picture may have its own."""


PLAIN = (bool, int, float, str)
"""What is the same for all pictures, and tuples of it."""


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
        if len(set(map(id, generators))) < len(prompts) or not all(isinstance(g, torch.Generator) for g in generators):
            return None
        if given.get("num_images_per_prompt") not in (None, 1):
            return None
        others = {name: value for name, value in given.items() if name != "generator"}
        known = all(
            _is_text(value, len(prompts)) if name in TEXTS else _is_plain(value) for name, value in others.items()
        )
        return cls(given, len(prompts)) if known else None

    def part(self, places: Sequence[int]) -> dict[str, Any]:
        """The same for some of the pictures."""
        return {
            name: [value[place] for place in places] if isinstance(value, list) else value
            for name, value in self.given.items()
        }

    def joined(self, result: Any, again: Any, places: Sequence[int]) -> Any:
        """A call's result with other pictures in these places."""
        whole = [_put(value, other, places) for value, other in zip(_values(result), _values(again), strict=True)]
        return type(result)(*whole) if isinstance(result, BaseOutput) else tuple(whole)


def _values(result: Any) -> list[Any]:
    """What a pipeline gave, part by part: pictures, and what a safety checker said of them."""
    if isinstance(result, BaseOutput):
        return [getattr(result, one.name) for one in fields(result)]
    return list(result)


def _is_plain(value: Any) -> bool:
    """Whether it is the same for all pictures."""
    return all(map(_is_plain, value)) if isinstance(value, tuple) else value is None or isinstance(value, PLAIN)


def _is_text(value: Any, n: int) -> bool:
    """Whether it is one text for all pictures, or one for each."""
    each = value if isinstance(value, list) else [value] * n
    return len(each) == n and (value is None or all(isinstance(one, str) for one in each))


def _put(values: Any, others: Any, places: Sequence[int]) -> Any:
    """Other values in these places; None where there are none."""
    if values is None:
        return None
    if isinstance(values, torch.Tensor):
        return values.index_copy(0, torch.tensor(places, device=values.device), others)
    values = values.copy()
    for place, other in zip(places, others, strict=True):
        values[place] = other
    return values


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
    given = _given(call, args, kwargs)
    apart = Apart.of(given)
    if apart and not (apart.pictures > 1 and _is_plainly_drawn(reader.family, call)):
        apart = None
    random = Randomness(given.get("generator"))
    while True:
        scope = watch.enter(reader, seen, finishes=apart is not None)
        try:
            result = call(*args, **kwargs)
            watch.look_at_last()
            found: Seen = scope.found
        except BeginAgain as begins_again:
            watch.break_off()
            result, found = None, begins_again.seen
        except BaseException:
            watch.break_off()
            raise
        finally:
            watch.leave()
        places = [picture for picture, what in found.items() if what != seen.get(picture)]
        if not places:
            return result
        if apart and result is not None and scope.width == apart.pictures:
            random.restore_of(places)
            theirs = {place: found[picture] for place, picture in enumerate(places)}
            return apart.joined(result, drawn(watch, reader, call, (), apart.part(places), theirs), places)
        random.restore()
        seen = found


def _given(call: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """A call's arguments by name; those that it has no name for, too."""
    signature = inspect.signature(call)
    given = dict(signature.bind_partial(*args, **kwargs).arguments)
    unnamed = [name for name, each in signature.parameters.items() if each.kind is each.VAR_KEYWORD]
    return given | {name: value for each in unnamed for name, value in given.pop(each, {}).items()}


def _is_plainly_drawn(family: Watchable, call: Callable[..., Any]) -> bool:
    """Whether pictures are drawn as pipelines of diffusers do, each with noise of its own, by code for any batch."""
    pipeline = family.pipeline
    ours = getattr(call, "__module__", "").startswith("diffusers.") and getattr(call, "__qualname__", "") in CALLS
    parts = [part for part in pipeline.components.values() if isinstance(part, nn.Module)] if ours else []
    attention = attention_of(family.denoiser).values()
    return (
        ours
        and not any(map(is_compiled, parts))
        and all(type(each).__module__.startswith("diffusers.") for each in attention)
        and not hasattr(pipeline.scheduler, "noise_sampler")  # it has noise for a whole batch
    )
