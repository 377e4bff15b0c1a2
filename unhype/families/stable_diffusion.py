"""Stable Diffusion 1.x and 2.x: a U-Net, one CLIP text encoder, words that enter through cross-attention.

The sites are the keys and values of cross-attention (UnHype, section 4). What the U-Net predicts may be noise or
velocity (2.x): a target that is linear in predictions holds for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from unhype.adapters.sites import unwrapped
from unhype.adapters.watching import Asked, Rows, Texts
from unhype.errors import UnhypeError
from unhype.families.clip_text import ClipTexts
from unhype.families.family import Defaults, Family
from unhype.families.spoken import parted, spoken, visible
from unhype.families.text import Text, texts_of
from unhype.families.trajectory import Trajectory
from unhype.families.vae import vae_latents
from unhype.pictures.sampling import Sampling


class UNetFamily(Family):
    """What Stable Diffusion 1, 2 and XL share: a U-Net that answers to words, and a schedule of noise in timesteps.

    c comes from the last of the text encoders, a CLIP.
    """

    part = "unet"
    words = (".attn2.",)
    text_table: ClassVar[Mapping[str, str]] = {"attn2.to_k": "states", "attn2.to_v": "states"}
    tables: ClassVar[Mapping[str, Mapping[str, str]]] = {"cross_attention": text_table}
    drawn_from = ("sample", "timestep")

    def __init__(self, pipeline: Any, table: str | None = None, reads: str | None = None) -> None:
        super().__init__(pipeline, table, reads)
        encoder, tokenizer = (getattr(pipeline, name) for name in self.encoders[-1])
        self._texts = ClipTexts(tokenizer, encoder)

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        size = self.config.sample_size
        height, width = (size, size) if isinstance(size, int) else size
        return self.pipeline.vae.config.latent_channels, height, width

    @property
    def read_channels(self) -> int:
        channels: int = self.config.in_channels
        return channels

    @property
    def feature_blocks(self) -> list[nn.Module]:
        """One on the way down, the middle, and all on the way up, which know what those on the way down do."""
        unet: Any = self.bare_denoiser
        return [unet.down_blocks[len(unet.down_blocks) // 2], unet.mid_block, *unet.up_blocks]

    def feature_map(self, output: Any, height: int, width: int) -> torch.Tensor:
        found: torch.Tensor = output[0] if isinstance(output, tuple) else output
        return found

    @property
    def timesteps(self) -> int:
        """Of the training noise schedule."""
        number: int = self.pipeline.scheduler.config.num_train_timesteps
        return number

    def times(self, n: int, rng: np.random.Generator, earliest: float, law: str = "") -> torch.Tensor:
        drawn = rng.integers(int(earliest * self.timesteps), self.timesteps, size=n)
        return torch.from_numpy(drawn).to(self.device)

    def time_at(self, share: float, n: int) -> torch.Tensor:
        return torch.full((n,), min(int(share * self.timesteps), self.timesteps - 1), device=self.device)

    def noised(self, latents: torch.Tensor, noise: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """z_t = √ᾱ_t · z_0 + √(1 − ᾱ_t) · ε, whatever sampler the pipeline draws with.

        Raises:
            UnhypeError: a scheduler that mixes noise in by another rule.
        """
        signal, spread = self._mixing(latents, times)
        return signal * latents + spread * noise

    def _mixing(self, latents: torch.Tensor, times: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """√ᾱ_t and √(1 − ᾱ_t), ``[n, 1, 1, 1]``."""
        scheduler = self.pipeline.scheduler
        if not hasattr(scheduler, "alphas_cumprod"):
            raise UnhypeError(
                f"got a {type(scheduler).__name__}, wanted the schedule that {self.name} was trained with: "
                "give the pipeline a DDIM or Euler scheduler"
            )
        alphas = scheduler.alphas_cumprod.to(latents)[times]
        signal, spread = (part.view(-1, 1, 1, 1) for part in (alphas**0.5, (1 - alphas) ** 0.5))
        return signal, spread

    def clean(self, noisy: torch.Tensor, times: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
        """z_0 from noise, from velocity (v = √ᾱ_t · ε − √(1 − ᾱ_t) · z_0), or as it is predicted.

        The U-Net sees z_t by the rule of :meth:`noised`, whatever the sampler carries. Samplers may step between two
        times of training: the lower counts.
        """
        noisy, predicted = noisy.float(), predicted.float()
        signal, spread = self._mixing(noisy, times.long().clamp(0, self.timesteps - 1))
        kind = self.pipeline.scheduler.config.get("prediction_type", "epsilon")
        if kind == "sample":
            return predicted
        return signal * noisy - spread * predicted if kind == "v_prediction" else (noisy - spread * predicted) / signal

    def share_of(self, times: torch.Tensor) -> torch.Tensor:
        return times.float() / self.timesteps

    def predict(
        self, noisy: torch.Tensor, times: torch.Tensor, text: Text, denoiser: nn.Module | None = None
    ) -> torch.Tensor:
        model = self.denoiser if denoiser is None else denoiser
        height, width = noisy.shape[-2:]
        options = {"encoder_hidden_states": text.states, **self.conditions(text, height, width)}
        predicted: torch.Tensor = model(noisy.to(self.dtype), times, return_dict=False, **options)[0]
        return predicted

    def guided(
        self, noisy: torch.Tensor, times: torch.Tensor, text: Text, empty: Text, guidance: float
    ) -> torch.Tensor:
        return torch.lerp(self.predict(noisy, times, empty), self.predict(noisy, times, text), guidance)

    def conditions(self, text: Text, height: int, width: int) -> dict[str, Any]:
        """What else the U-Net is told, of a text and a picture of ``[height, width]`` latents."""
        return {}

    def latents(self, pixels: np.ndarray) -> torch.Tensor:
        return vae_latents(self.pipeline.vae, pixels, 0.0, self.device)

    def trajectory(self, steps: int) -> Trajectory:
        return _Scheduled(self.pipeline.scheduler, steps, self.device)

    # ------------------------------------------------------------ text

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        tokenizer = getattr(self.pipeline, self.encoders[-1][1])
        return self._texts(spoken(self.pipeline, tokenizer, texts)).to(self.device)

    def read(self, *prompts: Any) -> list[Texts] | None:
        """The texts of each picture, of one or more encoders, cut to what these read."""
        texts = texts_of(*prompts)
        return texts and [tuple(self.visible(text) for text in row) for row in texts]

    def drawn_in(self, arguments: Mapping[str, Any], output: Any) -> tuple[torch.Tensor, torch.Tensor]:
        predicted = output[0]
        noisy = arguments["sample"][:, : predicted.shape[1]]  # behind it what a base that fills in reads besides
        times = torch.as_tensor(arguments["timestep"], device=noisy.device).expand(len(noisy))
        return self.clean(noisy, times, predicted), times

    def with_text(self, arguments: Mapping[str, Any], text: Text) -> dict[str, Any]:
        return {**arguments, "encoder_hidden_states": text.states}


class StableDiffusion(UNetFamily):
    """Stable Diffusion 1.x and 2.x."""

    name = "stable_diffusion"
    plain = "StableDiffusionPipeline"
    encoders = (("text_encoder", "tokenizer"),)
    defaults = Defaults(Sampling(steps=50, guidance=7.5))

    @classmethod
    def fits(cls, pipeline: Any) -> bool:
        config = unet_config(pipeline)
        one = getattr(pipeline, "text_encoder", None) is not None and getattr(pipeline, "text_encoder_2", None) is None
        return config is not None and one and config.get("addition_embed_type") is None

    @property
    def width(self) -> int:
        width: int = self.pipeline.text_encoder.config.hidden_size
        return width

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> Text:
        states, _ = self.pipeline.encode_prompt(list(prompts), self.device, 1, do_classifier_free_guidance=False)
        return Text(states.to(self.device, self.dtype))

    def visible(self, text: str) -> str:
        tokenizer = self.pipeline.tokenizer
        return parted(visible(self.pipeline, tokenizer, text, tokenizer.model_max_length), tokenizer)

    def tokens(self, text: str) -> int:
        return len(self.pipeline.tokenizer(text).input_ids)

    def asked(self, arguments: Mapping[str, Any], turn: int) -> Asked:
        given = arguments.get
        prompts = None if given("prompt_embeds") is not None else self.read(given("prompt"))
        negatives = None
        if given("do_classifier_free_guidance", True) and given("negative_prompt_embeds") is None:
            negatives = self.read(given("negative_prompt") or "")
        return Asked(prompts, negatives)

    def encoded(self, result: Any) -> tuple[Rows, Rows | None]:
        positive, negative = result
        return (positive,), None if negative is None else (negative,)

    def text_in(self, arguments: Mapping[str, Any]) -> Rows:
        return (arguments["encoder_hidden_states"],)


def unet_config(pipeline: Any) -> Any:
    """The configuration of a pipeline's U-Net that reads words in two dimensions; None where it has no such U-Net."""
    unet: Any = getattr(pipeline, "unet", None)
    unet = None if unet is None else unwrapped(unet)  # not by its truth: a compiled one asks for its length
    return unet.config if any(kind.__name__ == "UNet2DConditionModel" for kind in type(unet).__mro__) else None


class _Scheduled(Trajectory):
    """A diffusers scheduler of its own, so that the pipeline's keeps its place."""

    def __init__(self, scheduler: Any, steps: int, device: torch.device) -> None:
        self.scheduler = type(scheduler).from_config(scheduler.config)
        self.scheduler.set_timesteps(steps, device=device)
        self.times = self.scheduler.timesteps

    def start(self, noise: torch.Tensor) -> torch.Tensor:
        return noise * self.scheduler.init_noise_sigma

    def seen(self, latents: torch.Tensor, index: int) -> torch.Tensor:
        scaled: torch.Tensor = self.scheduler.scale_model_input(latents, self.times[index])
        return scaled

    def step(self, prediction: torch.Tensor, index: int, latents: torch.Tensor) -> torch.Tensor:
        following: torch.Tensor = self.scheduler.step(prediction, self.times[index], latents).prev_sample
        return following
