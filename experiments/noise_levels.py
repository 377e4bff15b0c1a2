"""At which noise level does the caption matter?

The denoiser's error with and without the caption, for each level, on fresh pictures.

.venv/bin/python experiments/noise_levels.py
.venv/bin/python experiments/noise_levels.py --checkpoint build/pretrain/mini-sd/denoiser-….safetensors
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from unhype.bases.loading import load_pipeline
from unhype.miniature.autoencoder import encode
from unhype.miniature.clip import tokenize
from unhype.miniature.folders import BASE
from unhype.miniature.pictures import Pictures
from unhype.pictures.pixels import to_model_range
from unhype.terminal import quiet

FRESH = 4_000_000
LEVELS = (5, 20, 50, 100, 200, 300, 400, 500, 600, 700, 800, 900)


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument(
        "--checkpoint", type=Path, help="a pretraining checkpoint whose last weights replace the base's denoiser"
    )
    parser.add_argument("--n", type=int, default=256, help="pictures")
    options = parser.parse_args()
    quiet()
    pipeline = load_pipeline(options.data / BASE)
    if options.checkpoint:
        state = load_file(options.checkpoint)
        pipeline.unet.load_state_dict(
            {key[6:]: value for key, value in state.items() if key.startswith("model/")}, strict=True
        )
    rows = Pictures(Path(), options.n, FRESH)
    pixels = np.stack([rows.picture(i).pixels for i in range(options.n)])
    latents = encode(pipeline.vae, to_model_range(pixels, torch.device("cpu"))) * pipeline.vae.config.scaling_factor
    captions = rows.captions(np.arange(options.n), np.random.default_rng(FRESH))
    told, untold = (
        pipeline.text_encoder(tokenize(pipeline.tokenizer, words)).last_hidden_state
        for words in (captions, [""] * options.n)
    )
    generator = torch.Generator().manual_seed(FRESH)
    print("| timestep | SNR | error with caption | without | what the caption explains |\n|---|---|---|---|---|")
    for level in LEVELS:
        timesteps = torch.full((options.n,), level)
        noise = torch.randn(latents.shape, generator=generator)
        noisy = pipeline.scheduler.add_noise(latents, noise, timesteps)
        errors = [
            ((pipeline.unet(noisy, timesteps, states).sample - noise) ** 2).mean().item() for states in (told, untold)
        ]
        signal = pipeline.scheduler.alphas_cumprod[level].item()
        share = 1 - errors[0] / errors[1]
        print(
            f"| {level} | {signal / (1 - signal):.3g} | {errors[0]:.4f} | {errors[1]:.4f} | {share:.1%} |", flush=True
        )


if __name__ == "__main__":
    main()
