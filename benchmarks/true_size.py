"""What a guard costs a denoiser of true size, weights random: a LoRA for every row, and a monitor's look.

    .venv/bin/python benchmarks/true_size.py

Stable Diffusion 1.4's whole U-Net, two rows of latents of 256 pixels, which is harder on the LoRA than 512 would be;
and one double and one single block of Flux.1-dev at its true width, 512 tokens, both choices of sites. Of the monitor
of a hundred concepts, on the same U-Net: one look at one picture, where nobody is suspected, and where one is. CPU
time, one thread, the two in turn, medians of ratios with the extremes.
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
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unhype.adapters.lora import Factors, active
from unhype.adapters.sites import Site, find_sites
from unhype.bases.loading import load_pipeline
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.families.flux import Flux
from unhype.families.stable_diffusion import StableDiffusion
from unhype.miniature.folders import BASE
from unhype.monitor.features import view
from unhype.monitor.monitor import Monitor
from unhype.monitor.net import MonitorNet, NetConfig
from unhype.terminal import quiet
from unhype.training import arithmetic_of

ROWS, RANK = 2, 4

DTYPE = arithmetic_of("auto", torch.device("cpu"))
"""Of all weights: bf16 where the processor computes in it."""

STEPS, CONCEPTS = 50, 100
"""Of a picture, as SD 1.4 is mostly drawn; and of a monitor."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="ratios of each kind (default: %(default)s)")
    options = parser.parse_args()
    quiet()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    how = f"{platform.machine()}, 1 thread, {DTYPE}, {ROWS} rows, rank {RANK}"
    print(f"{how}, median of {options.repeats} ratios (least to most)")
    unet = _unet()
    told(
        f"SD 1.4, {_size(unet)}",
        unet,
        find_sites(unet, StableDiffusion.tables["cross_attention"]),
        _seen,
        options.repeats,
    )
    looks(unet, options.repeats)
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


def looks(unet: nn.Module, repeats: int) -> None:
    """What a look of the monitor takes, as a share of a step of drawing and of a picture, and print its lines.

    All concepts but one are put aside, so that one is suspected at most.
    """
    family, latents = _family(unet), torch.ones(1, 4, 32, 32)
    channels = view(family, latents).features.shape[1]
    for what, suspected in (("nobody is suspected", math.inf), ("one is", -1000.0)):
        monitor = _monitor(channels, suspected)

        def seconds(look: bool, monitor: Monitor = monitor) -> float:
            with torch.no_grad():
                began = time.process_time()
                if look:
                    monitor.seen(family, latents, [set(monitor.concepts[1:])])
                else:
                    _seen(unet)
                return time.process_time() - began

        ratios = [seconds(True) / seconds(False) for _ in range(repeats + 1)][1:]
        middle, spread = statistics.median(ratios), f"{min(ratios):.2f} to {max(ratios):.2f}"
        whole = f"{middle / STEPS:.4f} of a picture in {STEPS} steps"
        print(f"a look, where {what}: {middle:.2f} of a step ({spread}), {whole}", flush=True)


def _family(unet: nn.Module) -> Family:
    """The U-Net in a pipeline; its text encoder has the miniature's tokens, and random weights like the rest."""
    pipeline: Any = load_pipeline(Path(__file__).resolve().parent.parent / "data" / BASE)
    pipeline.register_modules(unet=unet, text_encoder=_text_encoder(pipeline.text_encoder.config))
    return family_of(pipeline)


def _monitor(channels: int, suspected: float) -> Monitor:
    """A monitor of random weights that sees nobody, whatever it suspects."""
    net = MonitorNet(NetConfig(), channels, CONCEPTS).eval().requires_grad_(False)
    names = tuple(f"person {k}" for k in range(CONCEPTS))
    return Monitor(net, names, names, torch.zeros(CONCEPTS, 1), suspected, (1.0, 0.0, 0.0), 0.0, math.inf)


def _factors(site: Site) -> Factors:
    A = torch.randn(ROWS, RANK, site.inputs) / math.sqrt(site.inputs)
    return Factors(A, torch.randn(ROWS, site.outputs, RANK))


def _configuration(alias: str, part: str) -> dict[str, Any]:
    text = resources.files("unhype.bases").joinpath("configurations", f"{alias}.json").read_text(encoding="utf-8")
    return {key: value for key, value in json.loads(text)[part].items() if not key.startswith("_")}


def _text_encoder(small: Any) -> nn.Module:
    from transformers import CLIPTextConfig, CLIPTextModel

    told = _configuration("sd14", "text_encoder")
    told |= {name: getattr(small, name) for name in ("vocab_size", "bos_token_id", "eos_token_id", "pad_token_id")}
    return CLIPTextModel(CLIPTextConfig(**told)).eval()


def _unet() -> nn.Module:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(**_configuration("sd14", "unet")).to(DTYPE).eval()


def _seen(unet: nn.Module) -> Any:
    latents, states = torch.ones(ROWS, 4, 32, 32), torch.ones(ROWS, 77, 768)
    return unet(latents.to(DTYPE), torch.tensor(500), states.to(DTYPE), return_dict=False)


def _blocks() -> nn.Module:
    from diffusers import FluxTransformer2DModel

    configuration = _configuration("flux-dev", "transformer") | {"num_layers": 1, "num_single_layers": 1}
    return FluxTransformer2DModel(**configuration).to(DTYPE).eval()


def _tokens(blocks: nn.Module) -> Any:
    n = 256
    return blocks(
        hidden_states=torch.ones(ROWS, n, 64).to(DTYPE),
        encoder_hidden_states=torch.ones(ROWS, n, 4096).to(DTYPE),
        pooled_projections=torch.ones(ROWS, 768).to(DTYPE),
        timestep=torch.full((ROWS,), 0.5).to(DTYPE),
        guidance=torch.full((ROWS,), 3.0),
        img_ids=torch.zeros(n, 3).to(DTYPE),
        txt_ids=torch.zeros(n, 3).to(DTYPE),
        return_dict=False,
    )


def _size(model: nn.Module) -> str:
    return f"{sum(p.numel() for p in model.parameters()) / 1e6:,.0f} M"


if __name__ == "__main__":
    main()
