"""ᾱ against a closed form; who knows x_0 gets x_0 back."""

from __future__ import annotations

import torch

from unhype.hyperforget.diffusion import STEPS, alpha_bar, denoised, noised


def test_alpha_bar_is_what_it_is_in_continuous_time() -> None:
    """Σ ln(1 − β) of linear β is −∫β − ∫β²/2 − ∫β³/3, up to the ends of the trapezium rule."""
    t = torch.arange(STEPS, dtype=torch.float64)
    low, rise = 1e-4, (0.02 - 1e-4) / (STEPS - 1)
    beta = low + rise * t
    powers = [(beta ** (k + 1) - low ** (k + 1)) / (k + 1) / rise + (beta**k + low**k) / 2 for k in (1, 2, 3)]
    closed = torch.exp(-powers[0] - powers[1] / 2 - powers[2] / 3)
    assert torch.allclose(alpha_bar().double(), closed, atol=1e-6)
    assert alpha_bar()[0] > 0.9998
    assert alpha_bar()[-1] < 5e-5


def test_a_perfect_denoiser_recovers_theta() -> None:
    theta, noise = torch.randn(2, 3, 50, generator=torch.Generator().manual_seed(0)).unbind(0)
    for steps in (1, 2, 20, STEPS):
        assert torch.equal(denoised(lambda x, t: theta, noise, steps), theta)


def test_a_denoiser_that_knows_the_noise_is_led_along_the_forward_path() -> None:
    theta, noise = torch.randn(2, 3, 50, generator=torch.Generator().manual_seed(0)).unbind(0)
    first = noised(theta, torch.full((3,), STEPS - 1), noise)
    seen: list[float] = []

    def denoise(x: torch.Tensor, t: int) -> torch.Tensor:
        expected = noised(theta, torch.full((3,), t), noise)
        seen.append(float((x - expected).abs().max()))
        share = alpha_bar()[t]
        return (x - (1 - share).sqrt() * noise) / share.sqrt()

    assert torch.allclose(denoised(denoise, first, 20), theta, atol=1e-3)
    assert len(seen) == 20
    assert max(seen) < 1e-3


def test_noise_has_the_variance_that_is_asked_for() -> None:
    x0, noise = torch.ones(2, 100_000), torch.randn(2, 100_000, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([100, 900])
    x = noised(x0, t, noise)
    assert torch.allclose(x.mean(-1), alpha_bar()[t].sqrt(), atol=0.01)
    assert torch.allclose(x.var(-1), 1 - alpha_bar()[t], atol=0.01)
