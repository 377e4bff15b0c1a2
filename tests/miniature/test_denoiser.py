"""The denoiser's loss against known answers, and captions dropped for guidance."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from unhype.miniature.denoiser import build_denoiser, build_scheduler, denoising_loss, drop_captions

LATENTS, STATES = torch.zeros(512, 4, 4, 4), torch.zeros(512, 1, 128)


def blind(noisy: torch.Tensor, timesteps: torch.Tensor, encoder_hidden_states: torch.Tensor) -> SimpleNamespace:
    return SimpleNamespace(sample=torch.zeros_like(noisy))


def omniscient(noisy: torch.Tensor, timesteps: torch.Tensor, encoder_hidden_states: torch.Tensor) -> SimpleNamespace:
    """Latents are zero, so the noise is what was added, over its scale."""
    scale = (1 - build_scheduler().alphas_cumprod[timesteps]).sqrt().view(-1, 1, 1, 1)
    return SimpleNamespace(sample=noisy / scale)


@pytest.mark.parametrize("cap", [float("inf"), 2.0, 0.5])
def test_seeing_nothing_costs_the_mean_weight_and_seeing_all_costs_nothing(cap: float) -> None:
    scheduler = build_scheduler()
    signal = scheduler.alphas_cumprod / (1 - scheduler.alphas_cumprod)
    expected = float((signal.clamp(max=cap) / signal).mean())
    rng = np.random.default_rng(0)
    losses = [float(denoising_loss(blind, scheduler, LATENTS, STATES, rng, cap)) for _ in range(20)]  # type: ignore[arg-type]
    assert np.mean(losses) == pytest.approx(expected, rel=0.03)
    assert float(denoising_loss(omniscient, scheduler, LATENTS, STATES, rng, cap)) < 1e-6  # type: ignore[arg-type]


def test_a_step_back_through_the_real_model_reaches_every_weight() -> None:
    torch.manual_seed(0)
    model = build_denoiser()
    denoising_loss(
        model, build_scheduler(), torch.randn(2, 4, 16, 16), torch.randn(2, 8, 128), np.random.default_rng(0), 2.0
    ).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_a_tenth_of_the_captions_is_dropped() -> None:
    kept = drop_captions(["x"] * 5000, np.random.default_rng(0))
    assert kept.count("") / 5000 == pytest.approx(0.1, abs=0.02)
