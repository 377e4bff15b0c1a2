"""From a finished workshop to ``data/bases/mini-flux``: a plain ``FluxPipeline`` folder, in fp16.

Autoencoder, CLIP and its tokenizer are mini-sd's own, to the bit.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from unhype.bases.cards import publish
from unhype.miniature.flow import build_flow_scheduler
from unhype.miniature.flux_workshop import FluxWorkshop
from unhype.miniature.folders import FLUX, WORLD
from unhype.miniature.shipping import declare_float32, half, size


def ship_flux(shop: FluxWorkshop, data: Path) -> None:
    """Write the model folder below ``data``, whole or not at all."""
    parts = {
        "transformer": shop.transformer,
        "vae": shop.autoencoder,
        "text_encoder": shop.clip,
        "text_encoder_2": shop.taught_t5.encoder,
    }
    facts = {
        "world": WORLD,
        "kind": "flux",
        "recipe": asdict(shop.settings),
        "trained_on": shop.device.type,
        "built_on": shop.donor_hash,
        "parameters": {name: size(module) for name, module in parts.items()},
    }
    publish(data / FLUX, lambda folder: _write(shop, folder), facts)


def _write(shop: FluxWorkshop, folder: Path) -> None:
    from diffusers import FluxPipeline  # here, after its chatter about optional packages was turned off

    # A tokenizer's file tells the length of its last call: that would make it depend on what ran before.
    shop.pieces.backend_tokenizer.no_truncation()
    shop.pieces.backend_tokenizer.no_padding()
    vae = half(shop.autoencoder)
    # Flux takes a shift from the latents before it scales them: there is none, but it must be a number.
    vae.register_to_config(scaling_factor=1.0, shift_factor=0.0)
    pipeline = FluxPipeline(
        scheduler=build_flow_scheduler(),
        vae=vae,
        text_encoder=half(shop.clip),
        tokenizer=shop.tokenizer,
        text_encoder_2=half(shop.taught_t5.encoder),
        tokenizer_2=shop.pieces,
        transformer=half(shop.transformer),
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    for encoder in ("text_encoder", "text_encoder_2"):
        declare_float32(folder / encoder / "config.json")
