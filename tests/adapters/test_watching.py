"""Rows of text on a toy pipeline: who may be unconditional, what is read, and what a call with two passes means."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from unhype.adapters.lora import Factors
from unhype.adapters.rows import Asked, Reader, Rows, Scope, Texts, keys
from unhype.adapters.sites import Site
from unhype.adapters.watching import attach, detach, is_guarded
from unhype.errors import UnhypeError

WORDS = ("", "name", "dog", "other")


class Denoiser(nn.Module):
    """Adds up what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.to_v = nn.Linear(3, 3, bias=False)

    def forward(self, sample: torch.Tensor, timestep: Any, text: torch.Tensor, skip: bool = False) -> torch.Tensor:
        return sample if skip else sample + self.to_v(text).sum((1, 2))


class Pipeline:
    """Guidance in two calls of encoder and denoiser at every time, as a distilled base has it."""

    def __init__(self, denoiser: nn.Module) -> None:
        self.denoiser = denoiser

    def encode_prompt(self, prompt: Sequence[str] | None = None, embeds: torch.Tensor | None = None) -> torch.Tensor:
        if embeds is not None:
            return embeds
        return torch.stack([torch.full((2, 3), float(1 + WORDS.index(each))) for each in prompt or ()])

    def __call__(
        self,
        prompt: Sequence[str],
        negative: Sequence[str] | None = None,
        times: Sequence[int] = (3, 2),
        swap: Any = None,
    ) -> list[torch.Tensor]:
        text = self.encode_prompt(prompt)
        away = None if negative is None else self.encode_prompt(negative)
        found = []
        for time in times:
            found.append(self.denoiser(torch.zeros(len(text)), time, text))
            if away is not None:
                found.append(self.denoiser(torch.zeros(len(text)), torch.tensor([time]), away))
            if swap:
                text = swap(self, text, away)
        return found


class Family:
    """What it says of itself."""

    part, frozen = "denoiser", ("denoiser",)
    sites = text_layers = (Site("to_v", 3, 3),)
    pooled_layers = ()

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline

    @property
    def denoiser(self) -> nn.Module:
        found: nn.Module = self.pipeline.denoiser
        return found

    def asked(self, arguments: Mapping[str, Any], turn: int) -> Asked:
        texts = None if arguments.get("prompt") is None else [(each,) for each in arguments["prompt"]]
        return Asked(None, texts or []) if turn else Asked(texts)

    def encoded(self, result: Any) -> tuple[Rows, Rows | None]:
        return (result,), None

    def text_in(self, arguments: Mapping[str, Any]) -> Rows:
        return (arguments["text"],)


def read(_: Family, rows: Sequence[Texts]) -> list[str | None]:
    return ["forgotten" if "name" in row else None for row in rows]


def emit(_: Family, readings: Sequence[str]) -> dict[str, Factors]:
    return {"to_v": Factors(torch.ones(len(readings), 1, 3), torch.ones(len(readings), 3, 1))}


@pytest.fixture
def pipeline() -> Pipeline:
    torch.manual_seed(0)
    return Pipeline(Denoiser().requires_grad_(False))


owner = nn.Identity()


def watch(pipeline: Pipeline) -> Any:
    return attach(Family(pipeline), read, emit, owner)


def adapted(pipeline: Pipeline, *given: Any, **options: Any) -> list[list[bool]]:
    """Of each call of the denoiser, which rows were adapted."""
    detach(pipeline)
    bare = pipeline(*given, **options)
    watch(pipeline)
    return [(a != b).tolist() for a, b in zip(pipeline(*given, **options), bare, strict=True)]


def test_each_row_has_its_own_and_others_stay_to_the_bit(pipeline: Pipeline) -> None:
    assert adapted(pipeline, ["name", "dog", "name"]) == [[True, False, True]] * 2


def test_the_second_call_at_a_time_is_unconditional(pipeline: Pipeline) -> None:
    assert adapted(pipeline, ["name", "dog"], ["name", ""]) == [[True, False], [False, False]] * 2


def negatives(_: Pipeline, text: torch.Tensor, away: torch.Tensor) -> torch.Tensor:
    return away


def newly_encoded(pipeline: Pipeline, text: torch.Tensor, away: torch.Tensor | None) -> torch.Tensor:
    return pipeline.encode_prompt(["name"])


@pytest.mark.parametrize("times", [(3, 2), (3, 3), (3, 2, 2)])
@pytest.mark.parametrize("swap", [negatives, newly_encoded])
def test_what_is_swapped_into_the_first_call_is_read(pipeline: Pipeline, swap: Any, times: Sequence[int]) -> None:
    assert adapted(pipeline, ["dog"], ["name"], times, swap) == [
        [False],
        [False],
        *[[True], [False]] * (len(times) - 1),
    ]


@pytest.mark.parametrize("times", [(3, 2), (3, 3)])
def test_a_prompt_of_a_callback_is_no_negative_one(pipeline: Pipeline, times: Sequence[int]) -> None:
    assert adapted(pipeline, ["dog"], None, times, newly_encoded) == [[False], [True]]


def test_a_layer_that_is_passed_by_is_an_error(pipeline: Pipeline) -> None:
    undo = watch(pipeline)
    text = pipeline.encode_prompt(["name"])
    with pytest.raises(UnhypeError, match="never ran"):
        pipeline.denoiser(torch.zeros(1), 1, text, skip=True)
    with pytest.raises(UnhypeError, match="alone"):
        pipeline.denoiser.to_v(text)  # type: ignore[operator]
    pipeline.denoiser(torch.zeros(1), 1, text)
    with pytest.raises(UnhypeError, match="no guarded pipeline has read"):
        pipeline.denoiser(torch.zeros(1), 1, text + 1e-6)
    undo()
    pipeline.denoiser(torch.zeros(1), 1, text, skip=True)


def test_text_that_is_exchanged_behind_the_watch_is_refused(pipeline: Pipeline) -> None:
    other = pipeline.encode_prompt(["name"])
    watch(pipeline)
    forward = pipeline.denoiser.forward
    pipeline.denoiser.forward = lambda sample, timestep, text: forward(sample, timestep, other)  # type: ignore[method-assign]
    with pytest.raises(UnhypeError, match="other text at 'to_v' than the denoiser was called with"):
        pipeline(["dog"])
    pipeline(["name"])


def test_copies_hold_by_themselves(pipeline: Pipeline) -> None:
    text = pipeline.encode_prompt(["name"])
    undo = watch(pipeline)
    deep, shallow = copy.deepcopy(pipeline), copy.copy(pipeline)
    undo()
    assert [is_guarded(each) for each in (pipeline, deep, shallow)] == [False, True, True]
    with pytest.raises(UnhypeError, match="no guarded pipeline has read"):
        pipeline.denoiser(torch.zeros(1), 1, text)  # the shallow copy's, too
    detach(shallow)
    pipeline.denoiser(torch.zeros(1), 1, text)
    with pytest.raises(UnhypeError, match="no guarded pipeline has read"):
        deep.denoiser(torch.zeros(1), 1, text)
    detach(deep)
    deep.denoiser(torch.zeros(1), 1, text)
    assert "_unhype_watch" not in vars(deep.denoiser)


def scope(**said: Any) -> Scope:
    return Scope(Reader(Family(SimpleNamespace(**said)), read, emit), width=2)


@pytest.mark.parametrize(
    ("said", "rows", "expected"),
    [
        ({"do_classifier_free_guidance": True}, 4, 2),
        ({"do_classifier_free_guidance": True}, 2, 1),
        ({"do_classifier_free_guidance": True}, 3, 0),
        ({"do_classifier_free_guidance": False}, 4, 0),
        ({"do_classifier_free_guidance": True, "do_perturbed_attention_guidance": True}, 6, 2),
        ({"do_classifier_free_guidance": False, "do_perturbed_attention_guidance": True}, 4, 0),
        ({}, 4, 2),
        ({}, 2, 0),
        ({}, 3, 0),
    ],
)
def test_how_many_rows_guidance_leaves(said: dict[str, bool], rows: int, expected: int) -> None:
    assert scope(**said).unconditional(rows, 1) == expected


def test_a_key_is_of_all_routes_and_every_bit() -> None:
    states, pooled = torch.randn(3, 2, 4), torch.randn(3, 5)
    one = keys((states, pooled))
    assert len({*one, *keys((states, pooled.flip(0))), *keys((states + 1e-6, pooled))}) == 8
    assert keys((states[[2, 0]], pooled[[2, 0]])) == [one[2], one[0]]
    assert keys((states.bfloat16(),)) != keys((states,))
