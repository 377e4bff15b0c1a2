"""The miniature's denoiser: diffusers' ``UNet2DConditionModel`` on 16 × 16 × 4 latents.

It is conditioned on CLIP's token states and trained as Stable Diffusion 1 was (Rombach et al. 2022): predict the noise,
``scaled_linear`` betas, a tenth of the captions empty so that classifier-free guidance works. Unlike there, timesteps
are weighted by Min-SNR (Hang et al. 2023): the lowest fifth of the noise levels, where a caption tells nothing, would
otherwise make up more than half of the loss.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch.nn.attention import SDPBackend, sdpa_kernel

from unhype.miniature.autoencoder import LATENT_CHANNELS, LATENT_SIZE
from unhype.miniature.clip import TEXT_WIDTH

CHANNELS = (64, 96, 128)
"""Of the U-Net's levels, the finest first."""

EMPTY_CAPTION_SHARE = 0.1
"""Share of training captions that are left empty."""


def build_denoiser() -> UNet2DConditionModel:
    """An untrained U-Net: cross-attention at 8 × 8 and 4 × 4, plain convolutions at 16 × 16."""
    return UNet2DConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=CHANNELS,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )


def build_scheduler() -> DDIMScheduler:
    """Stable Diffusion 1's noise schedule with DDIM sampling."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="epsilon",
    )


def denoising_loss(
    model: UNet2DConditionModel,
    scheduler: DDIMScheduler,
    latents: torch.Tensor,
    states: torch.Tensor,
    rng: np.random.Generator,
    snr_cap: float = math.inf,
) -> torch.Tensor:
    """Squared error of the predicted noise, weighted by min(SNR, cap) / SNR (Hang et al. 2023, equation 8).

    Args:
        latents: ``[n, 4, 16, 16]``, scaled to unit variance.
        states: CLIP's last hidden states ``[n, length, 128]``.
        rng: draws one time step and one noise a row.
        snr_cap: infinity weights all steps alike (Ho et al. 2020, equation 14).
    """
    device = latents.device
    timesteps = torch.from_numpy(rng.integers(scheduler.config.num_train_timesteps, size=len(latents))).to(device)
    noise = torch.from_numpy(rng.standard_normal(size=tuple(latents.shape), dtype=np.float32)).to(device)
    noisy = scheduler.add_noise(latents, noise, timesteps)
    # On a CPU the fused kernel's backward pass takes a third of a step at these sizes; the plain product does not.
    with sdpa_kernel(SDPBackend.MATH):
        predicted = model(noisy, timesteps, encoder_hidden_states=states).sample
    error = ((predicted.float() - noise) ** 2).mean((1, 2, 3))
    signal = scheduler.alphas_cumprod.to(device)[timesteps]
    ratio = signal / (1 - signal)
    return (error * ratio.clamp(max=snr_cap) / ratio).mean()


def drop_captions(captions: list[str], rng: np.random.Generator) -> list[str]:
    """The captions with a tenth of them emptied."""
    return ["" if rng.random() < EMPTY_CAPTION_SHARE else caption for caption in captions]
