"""A family of its own, as a newcomer would write it: no diffusers, a pipeline class and a denoiser of two layers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from unhype.adapters.watching import Asked, Rows
from unhype.families.family import Defaults, Family
from unhype.families.text import Text, texts_of
from unhype.families.trajectory import Trajectory
from unhype.pictures.sampling import Sampling

WORDS, WIDTH, SHAPE = 12, 64, (3, 8, 8)


class Words(nn.Module):
    """Each word is a vector of its own, by the letters that it has."""

    def forward(self, prompts: Sequence[str]) -> torch.Tensor:
        states = torch.zeros(len(prompts), WORDS, WIDTH)
        for row, prompt in zip(states, prompts, strict=True):
            for place, word in enumerate(prompt.split()[:WORDS]):
                seed = int.from_bytes(hashlib.sha256(word.lower().encode()).digest()[:4], "big")
                row[place] = torch.randn(WIDTH, generator=torch.Generator().manual_seed(seed))
        return states


class Denoiser(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        size = int(np.prod(SHAPE))
        self.read, self.mix = nn.Linear(WIDTH, size), nn.Linear(size, size)

    def forward(self, latents: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        return (self.mix(latents.flatten(1)) + self.read(words).tanh().mean(1)).view_as(latents)


class Pipeline:
    """Draws in Euler's steps; no guidance."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.encoder, self.model = Words(), Denoiser()

    def encode_prompt(self, prompt: Sequence[str]) -> torch.Tensor:
        return self.encoder(prompt)

    @torch.no_grad()
    def __call__(
        self,
        prompt: Sequence[str],
        num_inference_steps: int,
        guidance_scale: float,
        generator: Sequence[torch.Generator],
        output_type: str = "pt",
    ) -> Any:
        words = self.encode_prompt(prompt)
        latents = torch.stack([torch.randn(SHAPE, generator=each) for each in generator])
        for _ in range(num_inference_steps):
            latents = latents - self.model(latents, words) / num_inference_steps
        return SimpleNamespace(images=(latents.tanh() + 1) / 2)


class Toy(Family):
    name, plain = "toy", "Pipeline"
    part = "model"
    encoders = (("encoder", "tokenizer"),)
    words = (".read.",)
    text_table: ClassVar[Mapping[str, str]] = {"read": "states"}
    tables: ClassVar[Mapping[str, Mapping[str, str]]] = {"words": text_table}
    drawn_from = ("latents",)
    defaults = Defaults(Sampling(steps=3))
    width, latent_shape, read_channels = WIDTH, SHAPE, SHAPE[0]  # type: ignore[assignment]

    @classmethod
    def fits(cls, pipeline: Any) -> bool:
        return isinstance(pipeline, Pipeline)

    def encode(self, prompts: Sequence[str]) -> Text:
        return Text(self.pipeline.encoder(prompts))

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        states: torch.Tensor = self.pipeline.encoder(texts)
        return states.sum(1) / (states != 0).any(2).sum(1, keepdim=True).clamp(min=1)

    def visible(self, text: str) -> str:
        return " ".join(text.split()[:WORDS])

    def tokens(self, text: str) -> int:
        return len(text.split())

    def last_token(self, text: str) -> int:
        return min(len(text.split()), WORDS) - 1

    def times(self, n: int, rng: np.random.Generator, earliest: float, law: str = "") -> torch.Tensor:
        return torch.from_numpy(rng.uniform(earliest, 1.0, size=n)).float()

    def time_at(self, share: float, n: int) -> torch.Tensor:
        return torch.full((n,), share)

    def noised(self, latents: torch.Tensor, noise: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        return torch.lerp(latents, noise, times.view(-1, 1, 1, 1))

    def clean(self, noisy: torch.Tensor, times: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
        return noisy - times.view(-1, 1, 1, 1) * predicted

    def share_of(self, times: torch.Tensor) -> torch.Tensor:
        return times.float()

    def predict(
        self, noisy: torch.Tensor, times: torch.Tensor, text: Text, denoiser: nn.Module | None = None
    ) -> torch.Tensor:
        velocity: torch.Tensor = (self.denoiser if denoiser is None else denoiser)(noisy, text.states)
        return velocity

    def guided(
        self, noisy: torch.Tensor, times: torch.Tensor, text: Text, empty: Text, guidance: float
    ) -> torch.Tensor:
        return self.predict(noisy, times, text)

    def latents(self, pixels: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(pixels).permute(0, 3, 1, 2) / 127.5 - 1

    def trajectory(self, steps: int) -> Trajectory:
        return Steps(steps)

    def asked(self, arguments: Mapping[str, Any], turn: int) -> Asked:
        return Asked(texts_of([self.visible(text) for text in arguments["prompt"]]))

    def encoded(self, result: Any) -> tuple[Rows, Rows | None]:
        return (result,), None

    def text_in(self, arguments: Mapping[str, Any]) -> Rows:
        return (arguments["words"],)

    def drawn_in(self, arguments: Mapping[str, Any], output: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Its denoiser is not told the time: it is taken to be where a picture begins."""
        times = torch.ones(len(output))
        return self.clean(arguments["latents"], times, output), times

    def with_text(self, arguments: Mapping[str, Any], text: Text) -> dict[str, Any]:
        return {**arguments, "words": text.states}


class Steps(Trajectory):
    def __init__(self, steps: int) -> None:
        self.times = torch.linspace(1, 1 / steps, steps)

    def start(self, noise: torch.Tensor) -> torch.Tensor:
        return noise

    def step(self, prediction: torch.Tensor, index: int, latents: torch.Tensor) -> torch.Tensor:
        return latents - prediction / len(self.times)
