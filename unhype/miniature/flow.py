"""mini-flux's denoiser: diffusers' ``FluxTransformer2DModel`` on 64 tokens of 2 × 2 latents.

As Flux.1-dev it has double and single blocks, reads T5's states in joint attention and CLIP's pooled vector in every
modulation, and is trained in two steps. First it learns the flow (Lipman et al. 2023; Esser et al. 2024):

    z_σ = (1 − σ) · z_0 + σ · ε        v = ε − z_0        loss = |model(z_σ, σ, text) − v|²

with a tenth of the captions empty. Then classifier-free guidance is distilled into its guidance embedding (Meng et al.
2023), after which one pass a step draws what took two: model(z_σ, σ, text, w) → v_empty + w · (v_text − v_empty).
Both steps are taken twice, the second time with more pictures of things.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel
from torch.nn.attention import SDPBackend, sdpa_kernel

from unhype.miniature.autoencoder import LATENT_CHANNELS
from unhype.miniature.clip import TEXT_WIDTH
from unhype.miniature.t5 import STATE_WIDTH

HEADS, HEAD_WIDTH = 2, 96
DOUBLE_BLOCKS, SINGLE_BLOCKS = 2, 2

GUIDANCE = (1.0, 6.0)
"""Strengths that are distilled, each as often as another."""


@dataclass(frozen=True)
class Words:
    """A batch of captions as the transformer reads them.

    Attributes:
        states: T5's, ``[n, length, 128]``.
        pooled: CLIP's, ``[n, 128]``.
    """

    states: torch.Tensor
    pooled: torch.Tensor


def build_transformer() -> FluxTransformer2DModel:
    """An untrained transformer."""
    third = HEAD_WIDTH // 3
    return FluxTransformer2DModel(
        patch_size=1,
        in_channels=4 * LATENT_CHANNELS,
        num_layers=DOUBLE_BLOCKS,
        num_single_layers=SINGLE_BLOCKS,
        attention_head_dim=HEAD_WIDTH,
        num_attention_heads=HEADS,
        joint_attention_dim=STATE_WIDTH,
        pooled_projection_dim=TEXT_WIDTH,
        guidance_embeds=True,
        axes_dims_rope=(third, third, third),
    )


def build_flow_scheduler() -> FlowMatchEulerDiscreteScheduler:
    """Flux.1-dev's: Euler's steps, shifted to more noise the more tokens a picture has."""
    return FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=3.0, use_dynamic_shifting=True)


def velocity(
    model: FluxTransformer2DModel,
    tokens: torch.Tensor,
    sigma: torch.Tensor,
    words: Words,
    guidance: torch.Tensor,
) -> torch.Tensor:
    """The model's velocity ``[n, 64, 16]`` at ``tokens`` ``[n, 64, 16]``, times and guidance ``[n]``."""
    side = int(tokens.shape[1] ** 0.5)
    # On a CPU the fused kernel's backward pass is slower than the plain product at these sizes.
    with sdpa_kernel(SDPBackend.MATH):
        predicted: torch.Tensor = model(
            hidden_states=tokens,
            timestep=sigma,
            guidance=guidance,
            pooled_projections=words.pooled,
            encoder_hidden_states=words.states,
            txt_ids=torch.zeros(words.states.shape[1], 3, device=tokens.device),
            img_ids=places(side, tokens.device),
            return_dict=False,
        )[0]
    return predicted


def flow_loss(
    model: FluxTransformer2DModel, latents: torch.Tensor, words: Words, rng: np.random.Generator
) -> torch.Tensor:
    """Squared error of the velocity; times are logit-normal (Esser et al. 2024, equation 19).

    Args:
        latents: ``[n, 4, 16, 16]``, of unit variance.
    """
    tokens, noise, sigma = _noisy(latents, rng)
    noisy = torch.lerp(tokens, noise, sigma.view(-1, 1, 1))
    predicted = velocity(model, noisy, sigma, words, torch.ones_like(sigma))
    return ((predicted.float() - (noise - tokens)) ** 2).mean()


def guidance_loss(
    student: FluxTransformer2DModel,
    teacher: FluxTransformer2DModel,
    latents: torch.Tensor,
    words: Words,
    empty: Words,
    rng: np.random.Generator,
) -> torch.Tensor:
    """Squared distance of the student's velocity, told the strength, from the teacher's guided one.

    Args:
        empty: of the empty prompt, as many rows.
    """
    tokens, noise, sigma = _noisy(latents, rng)
    noisy = torch.lerp(tokens, noise, sigma.view(-1, 1, 1))
    strength = torch.from_numpy(rng.uniform(*GUIDANCE, size=len(tokens)).astype(np.float32)).to(tokens.device)
    one = torch.ones_like(sigma)
    with torch.no_grad():
        free = velocity(teacher, noisy, sigma, empty, one).float()
        told = velocity(teacher, noisy, sigma, words, one).float()
        target = free + strength.view(-1, 1, 1) * (told - free)
    return ((velocity(student, noisy, sigma, words, strength).float() - target) ** 2).mean()


def packed(latents: torch.Tensor) -> torch.Tensor:
    """``[n, C, h, w]`` → ``[n, h·w / 4, 4 C]``: a token for each square of four, as diffusers packs."""
    n, channels, height, width = latents.shape
    squares = latents.view(n, channels, height // 2, 2, width // 2, 2).permute(0, 2, 4, 1, 3, 5)
    return squares.reshape(n, height * width // 4, channels * 4)


def places(side: int, device: torch.device) -> torch.Tensor:
    """Row and column of each token of a square picture, ``[side², 3]``; the first number is text's and 0."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return torch.stack([torch.zeros_like(rows), rows, columns], dim=-1).reshape(-1, 3).float().to(device)


def _noisy(latents: torch.Tensor, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tokens, noise of the same shape, and times in 0 … 1."""
    tokens = packed(latents)
    noise = torch.from_numpy(rng.standard_normal(size=tuple(tokens.shape), dtype=np.float32)).to(tokens.device)
    sigma = torch.from_numpy(1 / (1 + np.exp(-rng.standard_normal(size=len(tokens))))).float().to(tokens.device)
    return tokens, noise, sigma
