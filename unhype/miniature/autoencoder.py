"""The miniature's autoencoder: diffusers' ``AutoencoderKL``, 64 × 64 RGB ↔ 16 × 16 × 4 latents.

The loss is L1 of the pixels, plus L1 of the differences between neighbouring pixels (sharp edges make a cartoon look
crisp), plus a very small KL term.
"""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL

from unhype.miniature.canvas import SIZE

LATENT_SIZE = 16
LATENT_CHANNELS = 4

EDGE_WEIGHT = 1.0
KL_WEIGHT = 1e-5


def build_autoencoder(channels: tuple[int, ...] = (32, 64, 64)) -> AutoencoderKL:
    """An untrained autoencoder."""
    return AutoencoderKL(
        block_out_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=8,
        sample_size=SIZE,
        mid_block_add_attention=False,
    )


def autoencoder_loss(model: AutoencoderKL, pictures: torch.Tensor) -> torch.Tensor:
    """Reconstruction in pixels and in edges, plus KL; ``pictures`` is ``[n, 3, 64, 64]`` in [−1, 1]."""
    posterior = model.encode(pictures).latent_dist
    decoded = model.decode(posterior.sample()).sample.float()
    difference = decoded - pictures
    edges = difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
    kl = 0.5 * (posterior.mean.float() ** 2 + posterior.var.float() - 1 - posterior.logvar.float()).mean()
    return difference.abs().mean() + 0.5 * (difference**2).mean() + EDGE_WEIGHT * edges + KL_WEIGHT * kl


@torch.no_grad()
def encode(model: AutoencoderKL, pictures: torch.Tensor) -> torch.Tensor:
    """Mean latents ``[n, 4, 16, 16]``, not yet multiplied by the scaling factor."""
    return model.encode(pictures).latent_dist.mean.float()


@torch.no_grad()
def standardise(model: AutoencoderKL, mean: torch.Tensor, deviation: torch.Tensor) -> None:
    """Give every latent channel zero mean and unit variance without changing a reconstruction.

    The two 1 × 1 convolutions beside the latents absorb the change exactly: the encoder's divides, the decoder's
    multiplies. A denoiser learns faster from channels of one scale, and the pipeline's scaling factor is then 1.

    Args:
        mean, deviation: of each channel before, ``[4]``.
    """
    into, out = model.quant_conv, model.post_quant_conv
    channels = len(mean)
    into.weight[:channels] /= deviation.view(-1, 1, 1, 1)
    into.bias[:channels] = (into.bias[:channels] - mean) / deviation
    into.bias[channels:] -= 2 * deviation.log()  # the second half are log-variances
    out.bias += out.weight[:, :, 0, 0] @ mean
    out.weight *= deviation.view(1, -1, 1, 1)
