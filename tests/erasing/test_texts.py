"""Prompts are encoded once where that pays: the same numbers, and nobody needs the text encoders any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from tests.families import tiny
from unhype.erasing.texts import Texts
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.families.sdxl import StableDiffusionXL
from unhype.families.text import Text

PROMPTS = [
    "a photo of Cher",
    "a man",
    "a photo of Cher",
    "",
    "Elon Musk and a dog",
    *(f"a photo {i}" for i in range(40)),
]


@pytest.fixture(scope="module", params=["sd1", "sdxl", "flux_dev"])
def family(request: pytest.FixtureRequest) -> Family:
    return family_of(tiny.BUILDERS[request.param]())


def same(one: Text, other: Text) -> bool:
    pooled = one.pooled is other.pooled is None or torch.allclose(one.pooled, other.pooled, atol=1e-5)
    return bool(pooled) and torch.allclose(one.states, other.states, atol=1e-5)


@pytest.mark.slow
def test_kept_rows_are_those_that_a_step_would_encode(family: Family) -> None:
    numbers = [4, 0, 2, 3, 44, 1, 1]
    kept, anew = Texts(family, PROMPTS, 1e9, 1000), Texts(family, PROMPTS, 0, 1000)
    assert kept.cached
    assert not anew.cached
    assert same(kept(numbers), anew(numbers))
    assert same(kept(np.array(numbers)), family.encode([PROMPTS[i] for i in numbers]))
    assert kept(numbers).states.dtype == family.dtype


@pytest.mark.slow
def test_each_is_encoded_once_and_never_again(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    encode = family.encode

    def counted(prompts: Sequence[str]) -> Text:
        asked.extend(prompts)
        return encode(prompts)

    monkeypatch.setattr(family, "encode", counted)
    texts = Texts(family, PROMPTS, 1e9, 1000)
    assert sorted(asked[1:]) == sorted(set(PROMPTS))  # the first measures a row
    before = len(asked)
    texts([0, 1, 2])
    assert len(asked) == before


@pytest.mark.slow
def test_they_are_kept_only_where_they_fit_and_pay(family: Family) -> None:
    row = family.encode(PROMPTS[:1])
    each = sum(part.nbytes for part in (row.states, row.pooled) if part is not None)
    distinct = len(set(PROMPTS))
    assert Texts(family, PROMPTS, each * distinct, distinct).cached
    assert not Texts(family, PROMPTS, each * distinct - 1, distinct).cached
    assert not Texts(family, PROMPTS, each * distinct, distinct - 1).cached


# ---------------------------------------------------------------- who leaves the device meanwhile


class Moved:
    """A part of a pipeline that writes down where it is sent."""

    def __init__(self, device: str) -> None:
        self.device, self.went = torch.device(device), list[str]()

    def to(self, device: Any) -> None:
        self.device = torch.device(device)
        self.went.append(str(device))


class Elsewhere(StableDiffusionXL):
    """Stable Diffusion XL whose denoiser says that it is on another device."""

    place = "cuda:0"

    @property
    def device(self) -> torch.device:
        return torch.device(self.place)


PARTS = ("vae", "text_encoder", "text_encoder_2", "unet")


def placed(place: str) -> tuple[Family, dict[str, Moved]]:
    pipeline = tiny.sdxl()
    found = Elsewhere(pipeline)
    found.place = place
    parts = {name: Moved(place) for name in PARTS}
    for name, part in parts.items():
        object.__setattr__(pipeline, name, part)
    return found, parts


@pytest.mark.slow
def test_encoders_and_vae_leave_and_come_back() -> None:
    family, parts = placed("cuda:0")
    family.release()
    assert [parts[name].went for name in PARTS] == [["cpu"], ["cpu"], ["cpu"], []]
    family.release()  # a second time there is nothing to do
    family.restore()
    assert [parts[name].went for name in PARTS] == [["cpu", "cuda:0"]] * 3 + [[]]
    family.restore()
    assert len(parts["vae"].went) == 2


@pytest.mark.slow
def test_encoders_stay_where_prompts_are_not_kept() -> None:
    family, parts = placed("cuda:0")
    family.release(encoders=False)
    assert [parts[name].went for name in PARTS] == [["cpu"], [], [], []]


@pytest.mark.slow
def test_on_a_cpu_and_where_somebody_else_offloads_nothing_moves() -> None:
    family, parts = placed("cpu")
    family.release()
    family.restore()
    assert not any(part.went for part in parts.values())
    family, parts = placed("cuda:0")
    vars(parts["text_encoder"])["_hf_hook"] = object()
    parts["text_encoder_2"].device = torch.device("cpu")
    family.release()
    assert [name for name, part in parts.items() if part.went] == ["vae"]
