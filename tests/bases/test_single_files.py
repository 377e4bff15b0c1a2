"""Checkpoints in one file: the same base as its folder, and what is none is told in a line."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.bases.ldm import write_single_file
from tests.families import tiny
from unhype.bases.finding import Source, find_base
from unhype.bases.identity import compare, identify
from unhype.bases.loading import load_pipeline
from unhype.bases.telling import plain_pipeline
from unhype.erasing.checkpoint import Trained
from unhype.erasing.guard import Guard
from unhype.erasing.hypernet import Hypernet, HypernetConfig
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.miniature.folders import BASE

PROMPTS = ["a photo of Cher", "a man"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole pipeline of Stable Diffusion 1, with random weights."""
    path = tmp_path_factory.mktemp("sd1")
    tiny.sd1().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def single(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights in one file."""
    path = tmp_path_factory.mktemp("single") / "base.safetensors"
    return write_single_file(diffusers.StableDiffusionPipeline.from_pretrained(folder), path)


@pytest.fixture(scope="module")
def configuration(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder without its weights."""
    path = tmp_path_factory.mktemp("configuration") / "sd1"
    shutil.copytree(folder, path, ignore=shutil.ignore_patterns("*.safetensors"))
    return path


def answers(pipeline: Any) -> torch.Tensor:
    """What the base predicts and draws, as far as its weights reach: text encoder, U-Net and VAE."""
    family = family_of(pipeline)
    noise = torch.randn(2, *family.latent_shape, generator=torch.Generator().manual_seed(0))
    pixels = np.random.default_rng(0).integers(0, 255, (2, 16, 16, 3), dtype=np.uint8)
    with torch.no_grad():
        predicted = family.predict(noise, family.time_at(0.5, 2), family.encode(PROMPTS))
        decoded = pipeline.vae.decode(family.latents(pixels)).sample
    return torch.cat([predicted.float().flatten(), decoded.float().flatten()])


@pytest.mark.slow
def test_a_single_file_is_its_folder(folder: Path, single: Path, configuration: Path) -> None:
    ours = load_pipeline(Source("base", file=single), config=str(configuration))
    theirs = load_pipeline(folder)
    assert torch.equal(answers(ours), answers(theirs))
    assert type(ours) is type(theirs)
    assert ours.safety_checker is None
    assert type(ours.scheduler) is type(theirs.scheduler)
    assert ours.scheduler.config.prediction_type == "epsilon"


@pytest.mark.slow
def test_the_shipped_miniature_as_a_single_file(data: Path, tmp_path: Path) -> None:
    theirs = load_pipeline(data / BASE)
    file = write_single_file(theirs, tmp_path / "mini.safetensors")
    ours = load_pipeline(find_base(str(file), data), config=str(data / BASE))
    family, other = family_of(ours), family_of(theirs)
    assert identify(family.parts).label == identify(other.parts).label
    noise = torch.randn(2, *family.latent_shape, generator=torch.Generator().manual_seed(0))
    one, two = (f.predict(noise, f.time_at(0.5, 2), f.encode(PROMPTS)) for f in (family, other))
    assert torch.equal(one, two)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bf16", "fp16"])
def test_the_base_is_known_in_every_form(folder: Path, single: Path, configuration: Path, dtype: str) -> None:
    """A guard looks at the weights: a file, a folder and every precision are one base; another seed is another."""
    wanted = identify(family_of(load_pipeline(folder)).parts)
    for source, config in ((Source("f", folder=folder), ""), (Source("s", file=single), str(configuration))):
        parts = family_of(load_pipeline(source, dtype, config=config)).parts
        assert not compare(wanted, parts)
        assert identify(parts).label == wanted.label
    with torch.no_grad():
        next(iter(parts["unet"].parameters())).mul_(1.1)
    assert compare(wanted, parts)


@pytest.mark.slow
def test_a_guard_of_the_folder_attaches_to_the_file_and_to_every_precision(
    folder: Path, single: Path, configuration: Path
) -> None:
    home = family_of(load_pipeline(folder))
    hypernet = Hypernet(HypernetConfig(rank=2, hidden=8), home.sites, home.width).eval()
    facts = {"base": "folder", "family": home.name, "site_table": home.table}
    guard = Guard(Trained(hypernet, None, identify(home.parts), facts))
    for dtype in ("float32", "bf16", "fp16"):
        pipeline = load_pipeline(Source("single", file=single), dtype, config=str(configuration))
        with guard.attached(pipeline):
            drawn = pipeline("a photo of Cher", num_inference_steps=1, output_type="latent").images
        assert torch.isfinite(drawn).all()
    with torch.no_grad():
        pipeline.unet.conv_in.weight.mul_(1.2)
    with pytest.raises(UnhypeError, match="other weights"):
        guard.attach(pipeline)


@pytest.mark.slow
def test_of_flux_the_rest_comes_with_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Diffusers' conversion knows the true width alone, so the transformer is handed over; the rest is real."""
    theirs = tiny.flux_dev()
    theirs.save_pretrained(tmp_path / "folder")
    file = tmp_path / "flux.safetensors"
    save_file(
        {
            "double_blocks.0.img_attn.qkv.weight": torch.zeros(6, 2),
            "img_in.weight": torch.zeros(2, 64),
            "guidance_in.in_layer.weight": torch.zeros(2, 2),
        },
        file,
    )
    asked: dict[str, Any] = {}

    def converted(path: str, **options: Any) -> Any:
        asked.update(options, path=path)
        return theirs.transformer

    monkeypatch.setattr(diffusers.FluxTransformer2DModel, "from_single_file", converted)
    ours = load_pipeline(Source("flux", file=file), config=str(tmp_path / "folder"))
    assert (asked["path"], asked["config"], asked["subfolder"]) == (str(file), str(tmp_path / "folder"), "transformer")
    assert ours.transformer is theirs.transformer
    one, two = (family_of(pipeline).encode(PROMPTS) for pipeline in (ours, theirs))
    assert torch.equal(one.states, two.states)
    assert torch.equal(one.pooled, two.pooled)


@pytest.mark.slow
def test_a_configuration_of_another_family_is_refused(single: Path, tmp_path: Path) -> None:
    tiny.flux_dev().save_pretrained(tmp_path / "flux")
    file = tmp_path / "flux.safetensors"
    save_file({"double_blocks.0.img_attn.qkv.weight": torch.zeros(6, 2)}, file)
    refused(lambda: load_pipeline(Source("x", file=single), config=str(tmp_path / "flux")), "got a FluxPipeline")
    index = json.loads((tmp_path / "flux" / "model_index.json").read_text())
    index["_class_name"] = "StableDiffusionPipeline"
    (tmp_path / "flux" / "model_index.json").write_text(json.dumps(index))
    refused(lambda: load_pipeline(Source("x", file=file), config=str(tmp_path / "flux")), "wanted a FluxPipeline")


def test_lora_and_vae_alone_are_no_base(tmp_path: Path) -> None:
    for name in ("lora_unet_down_blocks_0.lora_down.weight", "first_stage_model.decoder.conv_in.weight"):
        save_file({name: torch.zeros(2, 2)}, tmp_path / "part.safetensors")
        refused(lambda: plain_pipeline(Source("x", file=tmp_path / "part.safetensors")), "1 tensors", "LoRA or a VAE")


@pytest.mark.parametrize(
    ("key", "pipeline"),
    [
        ("cond_stage_model.transformer.text_model.final_layer_norm.weight", "StableDiffusionPipeline"),
        ("cond_stage_model.model.ln_final.weight", "StableDiffusionPipeline"),
        ("conditioner.embedders.1.model.ln_final.weight", "StableDiffusionXLPipeline"),
        ("model.diffusion_model.double_blocks.0.img_attn.qkv.weight", "FluxPipeline"),
    ],
)
def test_the_family_is_told_by_a_key(tmp_path: Path, key: str, pipeline: str) -> None:
    save_file({key: torch.zeros(2, 2)}, tmp_path / "base.safetensors")
    assert plain_pipeline(Source("x", file=tmp_path / "base.safetensors")) == pipeline


def test_inpainting_is_refused_by_its_width(tmp_path: Path) -> None:
    tensors = {
        "cond_stage_model.transformer.text_model.final_layer_norm.weight": torch.zeros(2),
        "model.diffusion_model.input_blocks.0.0.weight": torch.zeros(2, 9, 3, 3),
    }
    save_file(tensors, tmp_path / "inpaint.safetensors")
    refused(lambda: plain_pipeline(Source("x", file=tmp_path / "inpaint.safetensors")), "9 input channels", "with 4")


def test_a_file_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "base.safetensors"
    save_file({"cond_stage_model.model.ln_final.weight": torch.zeros(1000)}, path)
    whole = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-100])
    refused(
        lambda: plain_pipeline(Source("x", file=path)), f"got {whole - 100} bytes", f"wanted the {whole}", "cut off"
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04" + bytes(500), b"\x80\x02}q\x00" + bytes(500), struct.pack("<Q", 20) + b"[1, 2, 3]" + bytes(11)],
)
def test_another_format_under_a_safe_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "renamed.safetensors"
    path.write_bytes(content)
    refused(lambda: plain_pipeline(Source("x", file=path)), "no safetensors file whatever its name says")


def refused(what: Any, *words: str) -> None:
    with pytest.raises(UnhypeError) as caught:
        what()
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words), caught.value
