"""Standardised latents: unit variance, and not one reconstruction changed."""

from __future__ import annotations

import numpy as np
import torch

from unhype.miniature.autoencoder import build_autoencoder, encode, standardise
from unhype.pictures.pixels import to_model_range, to_pixels


def test_standardising_changes_latents_and_no_reconstruction() -> None:
    torch.manual_seed(0)
    model = build_autoencoder((8, 8, 16)).eval()
    pictures = torch.rand(8, 3, 64, 64) * 2 - 1
    before = encode(model, pictures)
    with torch.no_grad():
        spread = model.encode(pictures).latent_dist.std
        drawn = model.decode(before).sample
        standardise(model, before.mean((0, 2, 3)), deviation := before.std((0, 2, 3)))
        after = encode(model, pictures)
        again = model.decode(after).sample
        narrowed = model.encode(pictures).latent_dist.std
    assert torch.allclose(after.mean((0, 2, 3)), torch.zeros(4), atol=1e-4)
    assert torch.allclose(after.std((0, 2, 3)), torch.ones(4), atol=1e-4)
    assert torch.allclose(again, drawn, atol=1e-4)
    assert torch.allclose(narrowed, spread / deviation.view(1, -1, 1, 1), rtol=1e-3)


def test_pixels_survive_the_round_trip() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, size=(2, 8, 8, 3), dtype=np.uint8)
    assert np.array_equal(to_pixels(to_model_range(pixels, torch.device("cpu"))), pixels)
