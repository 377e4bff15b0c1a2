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
from safetensors.torch import save_file

from tests.families import tiny
from unhype.bases import memory
from unhype.bases.finding import Source
from unhype.bases.loading import BaseSettings, load_pipeline, plain_pipeline
from unhype.bases.telling import numbers_of
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


@pytest.mark.parametrize("said", [[None, None], None], ids=["null", "left out"])
def test_a_flux_without_t5_is_told_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Any
) -> None:
    whole = tmp_path / "flux"
    tiny.flux_dev().save_pretrained(whole)
    path = whole / "model_index.json"
    parts = json.loads(path.read_text())
    shutil.rmtree(whole / "text_encoder_2")
    message = refusal(lambda: family_named_in(Source("x", folder=whole)))
    assert f"got no {whole / 'text_encoder_2'}, which model_index.json lists" in message
    del parts["text_encoder_2"]
    path.write_text(json.dumps(parts if said is None else {**parts, "text_encoder_2": said}))
    for kind in (diffusers.DiffusionPipeline, diffusers.FluxTransformer2DModel):
        for name in ("from_pretrained", "from_single_file"):
            monkeypatch.setattr(kind, name, lambda *_, **__: pytest.fail("loaded"), raising=False)
    file = tmp_path / "flux.safetensors"
    save_file({"double_blocks.0.img_attn.qkv.weight": torch.zeros(1)}, file)
    beside = BaseSettings(config=str(whole))
    for load in (
        lambda: family_named_in(Source("x", folder=whole)),
        lambda: load_family(Source("x", folder=whole)),
        lambda: load_family(Source("x", file=file), beside),
    ):
        assert "got a FluxPipeline without text_encoder_2" in refusal(load)


def test_a_job_on_an_unknown_pipeline_is_not_opened(folder: Path, data: Path, tmp_path: Path) -> None:
    stable_diffusion_3(folder)
    message = refusal(lambda: open_job(Params(), "celeb10", str(folder), data, tmp_path / "build"))
    assert "got a StableDiffusion3Pipeline" in message


def test_a_truncated_file_of_a_folder(folder: Path) -> None:
    truncated(folder)
    assert "cut off" in refusal(lambda: load_pipeline(folder))


@pytest.mark.parametrize(
    ("builder", "plain", "name"),
    [
        ("sd1", "StableDiffusionPipeline", "stable_diffusion"),
        ("sdxl", "StableDiffusionXLPipeline", "sdxl"),
        ("flux_dev", "FluxPipeline", "flux"),
    ],
)
def test_every_family_is_named_by_its_index(tmp_path: Path, builder: str, plain: str, name: str) -> None:
    tiny.BUILDERS[builder]().save_pretrained(tmp_path)
    source = Source("x", folder=tmp_path)
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


def test_a_base_larger_than_what_is_free_is_not_begun(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The system would end the process without a word."""
    monkeypatch.setattr(memory, "SYSTEM", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    (tmp_path / "meminfo").write_text("MemTotal: 64000000 kB\nMemFree: 10 kB\nMemAvailable:   3000 kB\n")
    monkeypatch.setattr(diffusers.DiffusionPipeline, "from_pretrained", lambda *_, **__: pytest.fail("loaded"))
    message = refusal(lambda: load_pipeline(folder))
    needed = 4 * numbers_of(Source("x", folder=folder)) / 1e9
    assert f"got 0.0 GB free on cpu where {folder} needs {needed:.1f} in float32" in message
    assert all(word in message for word in ("dtype: bf16", "larger machine", "unhype plan"))
    assert "dtype: bf16" not in refusal(lambda: load_pipeline(folder, dtype="bf16"))


def test_free_memory_is_what_programs_can_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SYSTEM", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    (tmp_path / "meminfo").write_text("MemTotal: 64000000 kB\nMemAvailable:   3000 kB\n")
    assert memory.free("cpu") == 3000 * 1024
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free("cpu") == 3000 * 1024
    (tmp_path / "memory.max").write_text("2000000\n")
    (tmp_path / "memory.current").write_text("1500000\n")
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 100000\n")
    assert memory.free("cpu") == 600_000
    (tmp_path / "meminfo").unlink()
    monkeypatch.setattr(memory.os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 100}.__getitem__)
    assert memory.free("cpu") == 409_600


def test_the_numbers_of_a_base_are_those_of_the_files_that_are_loaded(folder: Path) -> None:
    source, unet = Source("x", folder=folder), folder / "unet" / "diffusion_pytorch_model.safetensors"
    whole = numbers_of(source)
    pipeline = load_pipeline(folder)
    parts = (pipeline.unet, pipeline.vae, pipeline.text_encoder)
    loaded = sum(p.numel() for part in parts for p in part.parameters())
    assert whole == pytest.approx(loaded, rel=1e-3)  # a table of positions may stand beside the weights
    shutil.copy(unet, unet.with_name("diffusion_pytorch_model.fp16.safetensors"))
    assert numbers_of(source) == whole
    assert numbers_of(source, ["vae"]) == sum(p.numel() for p in pipeline.vae.parameters())


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
