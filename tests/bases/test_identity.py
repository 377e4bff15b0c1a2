"""A base is known by its weights: not by its name, its files or its precision; and a relative of it is told from it."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from torch import nn

from unhype.bases.identity import Identity, compare, identify
from unhype.bases.loading import load_pipeline
from unhype.erasing.checkpoint import Trained
from unhype.erasing.guard import Guard
from unhype.erasing.hypernet import Hypernet, HypernetConfig
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.miniature.folders import BASE


def parts(seed: int = 0) -> dict[str, nn.Module]:
    torch.manual_seed(seed)
    return {"unet": nn.Sequential(nn.Linear(30, 40), nn.LayerNorm(40)), "text_encoder": nn.Embedding(50, 8)}


def test_rounding_is_no_difference_and_tuning_is() -> None:
    identity = identify(parts())
    for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16):
        assert not compare(identity, {name: part.to(dtype) for name, part in parts().items()})
    eight = parts()
    eight["unet"][0].weight.data = eight["unet"][0].weight.data.to(torch.float8_e4m3fn)  # type: ignore[index]
    assert not compare(identity, eight)
    other = compare(identity, parts(1))
    assert other.differing == 3, "norms and biases of new layers may be alike"
    tuned = parts()
    with torch.no_grad():
        tuned["unet"][0].weight.mul_(1.03)  # type: ignore[index]
    found = compare(identity, tuned)
    assert (found.differing, found.worst) == (1, "unet.0.weight")
    assert found.mean == pytest.approx(0.03, rel=0.01)


def test_a_label_is_of_the_base_and_not_of_its_precision() -> None:
    label = identify(parts()).label
    assert identify({name: part.to(torch.bfloat16) for name, part in parts().items()}).label == label
    assert identify(parts(1)).label != label
    identity = identify(parts())
    again = Identity.of_tensors(identity.names, identity.tensors())
    assert again.label == label
    assert not compare(again, parts())


def test_a_vocabulary_may_grow_and_anything_else_is_another_architecture() -> None:
    identity = identify(parts())
    grown = parts()
    bigger = nn.Embedding(52, 8)
    bigger.weight.data[:50] = grown["text_encoder"].weight.data
    assert not compare(identity, {**grown, "text_encoder": bigger})
    for other in ({"unet": grown["unet"]}, {**grown, "text_encoder": nn.Embedding(49, 8)}):
        with pytest.raises(UnhypeError, match="wanted the architecture of the base"):
            compare(identity, other)
    with pytest.raises(UnhypeError, match="not in memory"):
        identify({name: part.to("meta") for name, part in parts().items()})


def test_what_was_added_does_not_count() -> None:
    peft = pytest.importorskip("peft")
    identity, own = identify(parts()), parts()
    config = peft.LoraConfig(r=2, target_modules=["0"], init_lora_weights=False)
    adapted = peft.inject_adapter_in_model(config, own["unet"])
    assert not compare(identity, own)
    layer = adapted[0]
    layer.merge()
    assert not torch.allclose(layer.base_layer.weight, parts()["unet"][0].weight)  # type: ignore[index]
    assert not compare(identity, own)


# ---------------------------------------------------------------- a pipeline and its guard


@pytest.fixture(scope="module")
def shipped(data: Path) -> Any:
    return load_pipeline(data / BASE)


@pytest.fixture(scope="module")
def guard(shipped: Any) -> Guard:
    family = family_of(copy.deepcopy(shipped))
    facts = {"base": "mini-sd", "family": "stable_diffusion", "site_table": "cross_attention"}
    return Guard(Trained(Hypernet(HypernetConfig(), family.sites, family.width), None, identify(family.parts), facts))


@pytest.fixture
def pipe(shipped: Any) -> Any:
    return copy.deepcopy(shipped)


def attach_and_detach(guard: Guard, pipe: Any, **options: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        guard.attach(pipe, **options)()


@pytest.mark.slow
def test_the_same_weights_are_the_base_whatever_they_are_called(pipe: Any, guard: Guard, tmp_path: Path) -> None:
    pipe.save_pretrained(tmp_path)
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        attach_and_detach(guard, StableDiffusionPipeline.from_pretrained(tmp_path, dtype=dtype))
    nameless = StableDiffusionPipeline(**pipe.components, requires_safety_checker=False)
    assert not nameless.config.get("_name_or_path")
    attach_and_detach(guard, nameless)
    nameless.register_to_config(_name_or_path="somebody/else")
    attach_and_detach(guard, nameless)


def every_weight(pipe: Any) -> None:
    pipe.register_to_config(_name_or_path="CompVis/stable-diffusion-v1-4")
    for weight in pipe.unet.parameters():
        weight.normal_(std=0.05)


def a_little(pipe: Any) -> None:
    for weight in pipe.unet.parameters():
        weight.add_(0.02 * weight.square().mean().sqrt() * torch.randn_like(weight))


def other_text_encoder(pipe: Any) -> None:
    torch.manual_seed(7)
    pipe.text_encoder = type(pipe.text_encoder)(pipe.text_encoder.config)


def hardly(pipe: Any) -> None:
    for weight in pipe.unet.parameters():
        weight.mul_(1.003)


def nothing_but_nans(pipe: Any) -> None:
    for weight in pipe.unet.parameters():
        weight.fill_(float("nan"))


@pytest.mark.slow
@pytest.mark.parametrize("change", [every_weight, a_little, hardly, nothing_but_nans, other_text_encoder])
def test_other_weights_are_refused_under_any_name(pipe: Any, guard: Guard, change: Any) -> None:
    with torch.no_grad():
        change(pipe)
    with pytest.raises(UnhypeError, match=r"got other weights.*tensors differ, by .*%.*or say derived=True"):
        guard.attach(pipe)
    assert "_unhype" not in vars(pipe)
    with pytest.warns(UserWarning, match=r"relative of it \(.* tensors differ, by .*nobody has measured") as caught:
        guard.attach(pipe, derived=True)()
    assert caught[0].filename == __file__, "the warning is about the line that attached"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["class", "integers"])
def test_a_quantised_layer_is_one_line(pipe: Any, guard: Guard, kind: str) -> None:
    class Linear4(nn.Linear):
        """As a library for quantising has it."""

    layer = pipe.unet.get_submodule(guard.trained.hypernet.sites[0].name)
    if kind == "class":
        layer.__class__ = Linear4
    else:
        layer.weight = nn.Parameter(layer.weight.to(torch.int8), requires_grad=False)
    with pytest.raises(UnhypeError, match=r"quantised layer at .*load the denoiser unquantised") as caught:
        guard.attach(pipe)
    assert "\n" not in str(caught.value)
