"""Diffusers folders: whole ones load without a safety checker, others are refused before anything is loaded."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
import transformers

from tests.families import tiny
from unhype.bases import loading
from unhype.bases.finding import Source
from unhype.bases.loading import BaseSettings, load_pipeline, plain_pipeline
from unhype.errors import UnhypeError
from unhype.families.loading import family_named_in, load_family
from unhype.miniature.folders import BASE
from unhype.params import Params
from unhype.pipeline.job import open_job


@pytest.fixture
def folder(data: Path, tmp_path: Path) -> Path:
    """The miniature without its card, as anybody's folder."""
    path = tmp_path / "base"
    shutil.copytree(data / BASE, path, ignore=shutil.ignore_patterns("card.json"))
    return path


def index(folder: Path, **changes: Any) -> None:
    path = folder / "model_index.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def stable_diffusion_3(folder: Path) -> None:
    index(folder, _class_name="StableDiffusion3Pipeline")


def damaged(folder: Path) -> None:
    (folder / "model_index.json").write_text('{"_class_name": "Stable')


def a_list(folder: Path) -> None:
    (folder / "model_index.json").write_text("[]")


def nameless(folder: Path) -> None:
    (folder / "model_index.json").write_text("{}")


def bin_weights(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").rename(folder / "unet" / "diffusion_pytorch_model.bin")


def no_weights(folder: Path) -> None:
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()


def no_part(folder: Path) -> None:
    shutil.rmtree(folder / "text_encoder")


def truncated(folder: Path) -> None:
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])


HARM = [
    (stable_diffusion_3, ["got a StableDiffusion3Pipeline", "StableDiffusionXLPipeline", "FluxPipeline"]),
    (damaged, ["damaged", "model_index.json", "fetch the base again"]),
    (a_list, ["damaged", "model_index.json"]),
    (nameless, ["damaged", "no '_class_name'"]),
    (bin_weights, ["diffusion_pytorch_model.bin", "wanted safetensors", "run code"]),
    (no_weights, ["got no weights", "vae"]),
    (no_part, ["got no", "text_encoder", "whole pipeline"]),
]


@pytest.mark.parametrize(("harm", "words"), HARM, ids=[harm.__name__ for harm, _ in HARM])
def test_harm_is_told_before_anything_is_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], None], words: list[str]
) -> None:
    monkeypatch.setattr(diffusers.DiffusionPipeline, "from_pretrained", lambda *_, **__: pytest.fail("loaded"))
    harm(folder)
    for load in (load_family, family_named_in):
        message = refusal(lambda load=load: load(Source(str(folder), folder=folder)))
        assert all(word in message for word in words), message


def test_a_job_on_an_unknown_pipeline_is_not_opened(folder: Path, data: Path, tmp_path: Path) -> None:
    stable_diffusion_3(folder)
    message = refusal(lambda: open_job(Params(), "celeb10", str(folder), data, tmp_path / "build"))
    assert "got a StableDiffusion3Pipeline" in message


def test_a_truncated_file_of_a_folder(folder: Path) -> None:
    truncated(folder)
    assert "cut off" in refusal(lambda: load_pipeline(folder))


def test_every_family_is_named_by_its_index(folder: Path) -> None:
    for plain, name in [
        ("StableDiffusionPipeline", "stable_diffusion"),
        ("StableDiffusionXLPipeline", "sdxl"),
        ("FluxPipeline", "flux"),
    ]:
        index(folder, _class_name=plain)
        source = Source("x", folder=folder)
        assert plain_pipeline(source) == plain
        assert family_named_in(source).name == name


@pytest.mark.slow
def test_a_safety_checker_is_left_out(tmp_path: Path) -> None:
    """Its black pictures would count as forgotten."""
    pipeline = tiny.sd1()
    shape = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    config = transformers.CLIPConfig(
        vision_config={**shape, "image_size": 8, "patch_size": 4, "projection_dim": 8},
        text_config={**shape, "projection_dim": 8},
        projection_dim=8,
    )
    checker = diffusers.pipelines.stable_diffusion.StableDiffusionSafetyChecker(config)
    pipeline.register_modules(safety_checker=checker, feature_extractor=transformers.CLIPImageProcessor())
    pipeline.register_to_config(requires_safety_checker=True)
    pipeline.save_pretrained(tmp_path)
    assert (
        json.loads((tmp_path / "model_index.json").read_text())["safety_checker"][1] == "StableDiffusionSafetyChecker"
    )
    assert load_pipeline(tmp_path).safety_checker is None
    shutil.rmtree(tmp_path / "safety_checker")  # as it is where a base was fetched from the hub
    family = load_family(Source("x", folder=tmp_path))
    assert family.pipeline.safety_checker is None
    assert not family.pipeline.config.requires_safety_checker


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried …"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB."),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_memory_that_is_short(folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def short(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(diffusers.DiffusionPipeline, "from_pretrained", short)
    message = refusal(lambda: load_pipeline(folder))
    assert all(word in message for word in ("too little memory", "bf16", "unhype plan"))


def test_a_base_larger_than_the_machine_is_not_begun(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system would end the process without a word."""
    monkeypatch.setattr(loading.os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000}.__getitem__)
    monkeypatch.setattr(diffusers.DiffusionPipeline, "from_pretrained", lambda *_, **__: pytest.fail("loaded"))
    message = refusal(lambda: load_pipeline(folder))
    assert "4096000" not in message
    assert all(word in message for word in ("0.0 GB", "too little memory", "bf16"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_a_device_that_is_not_there(folder: Path) -> None:
    source = Source(str(folder), folder=folder)
    assert "wanted one that torch sees here" in refusal(lambda: load_family(source, BaseSettings(device="cuda")))


@pytest.mark.parametrize("settings", [{"dtype": "int8"}, {"device": "tpu"}, {"cache_gb": -1.0}])
def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="wanted a dtype"):
        BaseSettings(**settings)


def refusal(what: Callable[[], Any]) -> str:
    with pytest.raises(UnhypeError) as caught:
        what()
    assert "\n" not in str(caught.value)
    return str(caught.value)
