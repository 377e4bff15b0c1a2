"""Stable Diffusion 1 and its kin, as erasure sees it: prompts → states and vectors, noisy latents → predicted noise,
and where adapters go.

The sites are the keys and values of cross-attention, where words enter the picture (UnHype, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from unhype.adapters.lora import Site, find_sites
from unhype.errors import UnhypeError
from unhype.families.clip_text import ClipTexts

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline

SITES = ("attn2.to_k", "attn2.to_v")
"""Endings of the adapted Linear layers of the U-Net."""


@dataclass(frozen=True)
class Encoded:
    """Prompts as the model reads them.

    Attributes:
        states: every token's last hidden state, ``[n, length, d]``: what cross-attention attends to.
        pooled: the end token's, ``[n, d]``: c, what the hypernetwork reads.
    """

    states: torch.Tensor
    pooled: torch.Tensor


class StableDiffusion:
    """A pipeline, frozen, with the few operations that erasure needs."""

    def __init__(self, pipeline: StableDiffusionPipeline) -> None:
        if not hasattr(pipeline, "unet") or not hasattr(pipeline, "text_encoder"):
            raise UnhypeError(
                f"got a {type(pipeline).__name__}, wanted a StableDiffusionPipeline with a U-Net and one text encoder"
            )
        self.pipeline = pipeline
        self.unet = pipeline.unet.requires_grad_(False).eval()
        self.text_encoder = pipeline.text_encoder.requires_grad_(False).eval()
        self.tokenizer = pipeline.tokenizer
        self._texts = ClipTexts(self.tokenizer, self.text_encoder)

    @property
    def sites(self) -> tuple[Site, ...]:
        """The layers that adapters go to."""
        return find_sites(self.unet, SITES)

    @property
    def width(self) -> int:
        """d, the width of c."""
        width: int = self.text_encoder.config.hidden_size
        return width

    @property
    def timesteps(self) -> int:
        """Diffusion timesteps of the training noise schedule."""
        number: int = self.pipeline.scheduler.config.num_train_timesteps
        return number

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> Encoded:
        """Token states and vectors of prompts, as the pipeline itself encodes them."""
        ids = self.tokenizer(
            list(prompts),
            padding="max_length",
            truncation=True,
            max_length=self.tokenizer.model_max_length,
            return_tensors="pt",
        ).input_ids
        output = self.text_encoder(ids.to(self.unet.device))
        return Encoded(output.last_hidden_state, output.pooler_output)

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """c of many short texts, float32 ``[n, d]``, each computed once (:mod:`unhype.families.clip_text`)."""
        return self._texts(texts)

    def predict(self, noisy: torch.Tensor, timesteps: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """ε(z_t, t, c): the noise that the U-Net sees, ``[n, 4, h, w]``."""
        noise: torch.Tensor = self.unet(noisy, timesteps, encoder_hidden_states=states).sample
        return noise

    def add_noise(self, latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """z_t from z_0."""
        noisy: torch.Tensor = self.pipeline.scheduler.add_noise(latents, noise, timesteps)
        return noisy
