"""How long it takes to find, hash and identify a base: Stable Diffusion 1.4's true shapes, random weights, as a folder.

Prints a row for docs/experiments/bases.md. Takes 2.2 GB of disk under ``--folder``, which is emptied at the end.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import diffusers
import torch
import transformers

from unhype.bases.finding import Source, find_base
from unhype.bases.identity import compare, identify
from unhype.bases.loading import BaseSettings
from unhype.bases.telling import numbers_of, plain_pipeline
from unhype.families.loading import load_family
from unhype.miniature.folders import BASE

T = TypeVar("T")


def write(folder: Path, tokenizer: Path) -> None:
    """Random weights in bf16; the tokenizer is the miniature's, which counts for nothing here."""
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    clip = transformers.CLIPTextConfig(
        vocab_size=49408,
        hidden_size=768,
        intermediate_size=3072,
        num_hidden_layers=12,
        num_attention_heads=12,
        eos_token_id=2,
    )
    unet = diffusers.UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
    vae = diffusers.AutoencoderKL(
        sample_size=512,
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
    )
    diffusers.StableDiffusionPipeline(
        vae=vae,
        text_encoder=transformers.CLIPTextModel(clip),
        tokenizer=transformers.CLIPTokenizer.from_pretrained(tokenizer),
        unet=unet,
        scheduler=diffusers.DDIMScheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    torch.set_default_dtype(torch.float32)


def timed(what: Callable[[], T], times: int) -> tuple[T, str]:
    """What it gives, and its seconds: the first time, and the fastest of the others."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        result = what()
        taken.append(time.perf_counter() - began)
    return result, f"{taken[0]:.3f} s" + (f", again {min(taken[1:]):.3f} s (n = {times - 1})" if times > 1 else "")


def main() -> None:
    """Write, measure, tidy up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("data"))
    options = parser.parse_args()
    try:
        write(options.folder, options.data / BASE / "tokenizer")
        reference = str(options.folder)

        def find() -> Source:
            source = find_base(reference, options.data)
            plain_pipeline(source)
            _ = source.hash
            return source

        source, finding = timed(find, 6)
        print(f"weights in bf16: {2 * numbers_of(source) / 1e9:.2f} GB")
        print(f"find, check and hash: {finding}")
        family, loading = timed(lambda: load_family(source, BaseSettings(dtype="bf16")), 1)
        print(f"load in bf16: {loading}; {len(family.sites)} sites, width {family.width}")
        known, identifying = timed(lambda: identify(family.parts), 6)
        print(f"identify: {identifying}; {len(known.entries)} tensors")
        difference, comparing = timed(lambda: compare(known, family.parts), 6)
        print(f"compare: {comparing}; {'differs' if difference else 'the same'}")
    finally:
        shutil.rmtree(options.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
