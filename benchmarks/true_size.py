"""What adapters cost a denoiser of true size: a call with a LoRA for every row, beside the bare call, weights random.

    .venv/bin/python benchmarks/true_size.py

Stable Diffusion 1.4's whole U-Net, two rows of latents of 256 pixels, which is harder on the LoRA than 512 would be;
and one double and one single block of Flux.1-dev at its true width, 512 tokens, both choices of sites. CPU time, one
thread, the two in turn, medians of ratios with the extremes.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import resources
from typing import Any

import torch
from torch import nn

from unhype.adapters.lora import Factors, active
from unhype.adapters.sites import Site, find_sites
from unhype.families.flux import Flux
from unhype.families.stable_diffusion import StableDiffusion
from unhype.terminal import quiet

ROWS, RANK = 2, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="ratios of each kind (default: %(default)s)")
    options = parser.parse_args()
    quiet()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(
        f"{platform.machine()}, 1 thread, {ROWS} rows, rank {RANK}, median of {options.repeats} ratios (least to most)"
    )
    unet = _unet()
    told(
        f"SD 1.4, {_size(unet)}",
        unet,
        find_sites(unet, StableDiffusion.tables["cross_attention"]),
        _seen,
        options.repeats,
    )
    del unet
    blocks = _blocks()
    for name, table in Flux.tables.items():
        told(f"Flux blocks, {_size(blocks)}, {name}", blocks, find_sites(blocks, table), _tokens, options.repeats)


def told(label: str, model: nn.Module, sites: tuple[Site, ...], call: Callable[[nn.Module], Any], repeats: int) -> None:
    """Measure one model and print its line."""
    factors = {site.name: _factors(site) for site in sites}

    def seconds(context: AbstractContextManager[Any]) -> float:
        with torch.no_grad(), context:
            began = time.process_time()
            call(model)
            return time.process_time() - began

    ratios = [seconds(active(model, factors)) / seconds(nullcontext()) for _ in range(repeats + 1)][1:]
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
    print(f"{label}, {len(sites)} sites: {statistics.median(ratios):.3f} ({spread})", flush=True)


def _factors(site: Site) -> Factors:
    A = torch.randn(ROWS, RANK, site.inputs) / math.sqrt(site.inputs)
    return Factors(A, torch.randn(ROWS, site.outputs, RANK))


def _configuration(alias: str, part: str) -> dict[str, Any]:
    text = resources.files("unhype.bases").joinpath("configurations", f"{alias}.json").read_text(encoding="utf-8")
    return {key: value for key, value in json.loads(text)[part].items() if not key.startswith("_")}


def _unet() -> nn.Module:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(**_configuration("sd14", "unet")).to(torch.bfloat16).eval()


def _seen(unet: nn.Module) -> Any:
    latents, states = torch.ones(ROWS, 4, 32, 32), torch.ones(ROWS, 77, 768)
    return unet(latents.bfloat16(), torch.tensor(500), states.bfloat16(), return_dict=False)


def _blocks() -> nn.Module:
    from diffusers import FluxTransformer2DModel

    configuration = _configuration("flux-dev", "transformer") | {"num_layers": 1, "num_single_layers": 1}
    return FluxTransformer2DModel(**configuration).to(torch.bfloat16).eval()


def _tokens(blocks: nn.Module) -> Any:
    n = 256
    return blocks(
        hidden_states=torch.ones(ROWS, n, 64).bfloat16(),
        encoder_hidden_states=torch.ones(ROWS, n, 4096).bfloat16(),
        pooled_projections=torch.ones(ROWS, 768).bfloat16(),
        timestep=torch.full((ROWS,), 0.5).bfloat16(),
        guidance=torch.full((ROWS,), 3.0),
        img_ids=torch.zeros(n, 3).bfloat16(),
        txt_ids=torch.zeros(n, 3).bfloat16(),
        return_dict=False,
    )


def _size(model: nn.Module) -> str:
    return f"{sum(p.numel() for p in model.parameters()) / 1e6:,.0f} M"


if __name__ == "__main__":
    main()
