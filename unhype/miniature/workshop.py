"""Where the recipe works: its settings, a folder of checkpoints, and the models as far as they are trained.

A stage's checkpoint carries a fingerprint of everything that shaped it (its own settings and those of the stages before
it), so a changed setting reruns what depends on it and nothing else.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch

from unhype.errors import UnhypeError
from unhype.miniature.autoencoder import build_autoencoder, encode, standardise
from unhype.miniature.clip import build_clip
from unhype.miniature.denoiser import build_denoiser
from unhype.miniature.judge import Judge
from unhype.miniature.pictures import Pictures
from unhype.miniature.readout import TaughtClip
from unhype.miniature.tokenizer import train_tokenizer
from unhype.pictures.pixels import to_model_range
from unhype.training import PRECISIONS, Schedule, finished_weights

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPModel, CLIPTokenizer

BUILDS_ON = {"denoiser": ("autoencoder", "clip")}
"""Training stage → the training stages whose results it builds on."""

M = TypeVar("M", bound=torch.nn.Module)


@dataclass(frozen=True)
class Pretraining:
    """Settings of the recipe.

    Attributes:
        seed: of pictures, captions, initial weights, noise: everything.
        pictures: rendered rows of the mixture.
        vocabulary: tokens of the tokenizer.
        prompt_length: tokens of a prompt, start and end included.
        precision: arithmetic of the forward and backward passes, one of :data:`unhype.training.PRECISIONS`.
        snr_cap: cap of the denoiser's Min-SNR weights; infinity (``.inf`` in YAML) weights all noise levels alike.
        more_pairs: share of the denoiser's batches drawn from pictures of two people alone, which take longest to
            learn; the other batches are drawn from all pictures.
    """

    seed: int = 0
    pictures: int = 60_000
    vocabulary: int = 2304
    prompt_length: int = 48
    precision: str = "bf16"
    snr_cap: float = 2.0
    more_pairs: float = 0.3
    autoencoder: Schedule = field(default_factory=lambda: Schedule(steps=4000, batch=16, rate=3e-3, average=0.995))
    clip: Schedule = field(default_factory=lambda: Schedule(steps=1600, batch=160, rate=1.5e-3))
    judge: Schedule = field(default_factory=lambda: Schedule(steps=2500, batch=128, rate=2e-3, average=0.995))
    denoiser: Schedule = field(default_factory=lambda: Schedule(steps=7000, batch=64, rate=1e-3, average=0.999))

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UnhypeError(f"got precision {self.precision!r} in params.yaml, wanted one of {', '.join(PRECISIONS)}")
        if (
            self.pictures < 1
            or self.vocabulary < 515
            or self.prompt_length < 8
            or self.snr_cap <= 0
            or not 0 <= self.more_pairs <= 1
        ):
            raise UnhypeError(
                f"got {self}, wanted pictures ≥ 1, vocabulary ≥ 515, prompt_length ≥ 8, snr_cap > 0 "
                "and more_pairs in [0, 1]"
            )


@dataclass(frozen=True)
class Workshop:
    """A folder in which the recipe works, and the models as far as they are trained."""

    settings: Pretraining
    folder: Path
    device: torch.device

    @cached_property
    def pictures(self) -> Pictures:
        """The training pictures."""
        return Pictures(self.folder, self.settings.pictures, self.settings.seed)

    @cached_property
    def tokenizer(self) -> CLIPTokenizer:
        """The tokenizer, learned from one caption a picture."""
        rng = np.random.default_rng([self.settings.seed, 1])
        captions = self.pictures.captions(np.arange(self.pictures.count), rng)
        return train_tokenizer(captions, self.settings.vocabulary, self.settings.prompt_length)

    @cached_property
    def autoencoder(self) -> AutoencoderKL:
        """The autoencoder in training; its latents are not yet standardised."""
        model = self._initialised(0, build_autoencoder).to(memory_format=torch.channels_last)
        return self._restored("autoencoder", model)

    @cached_property
    def standard_autoencoder(self) -> AutoencoderKL:
        """The trained autoencoder with standardised latents, measured on the first thousand pictures: what ships."""
        model = copy.deepcopy(self.autoencoder).to(memory_format=torch.contiguous_format).eval()
        blocks = np.array_split(np.arange(min(1000, self.pictures.count)), 10)
        latents = torch.cat([encode(model, self.batch(rows)) for rows in blocks if len(rows)])
        standardise(model, latents.mean((0, 2, 3)), latents.std((0, 2, 3)))
        return model

    @cached_property
    def taught_clip(self) -> TaughtClip:
        """CLIP with the readout of its training."""
        return self._restored("clip", self._initialised(1, lambda: TaughtClip(build_clip(self.tokenizer))))

    @property
    def clip(self) -> CLIPModel:
        """Both CLIP towers: what ships."""
        return self.taught_clip.clip

    @cached_property
    def judge(self) -> Judge:
        """The judge, not yet calibrated."""
        return self._restored("judge", self._initialised(2, Judge))

    @cached_property
    def denoiser(self) -> UNet2DConditionModel:
        """The U-Net."""
        return self._restored("denoiser", self._initialised(3, build_denoiser))

    @cached_property
    def pairs(self) -> np.ndarray:
        """Rows of the pictures that show two people."""
        return np.array([i for i in range(self.pictures.count) if len(self.pictures.example(i).subject.people) == 2])

    @cached_property
    def latents(self) -> np.ndarray:
        """Latents of all pictures, each channel of unit variance, ``float16 [pictures, 4, 16, 16]``."""
        return np.load(self.latents_path, mmap_mode="r")

    @property
    def latents_path(self) -> Path:
        """Where the latents lie."""
        return self.folder / f"latents-{self.fingerprint('autoencoder')}.npy"

    def checkpoint(self, stage: str) -> Path:
        """Where a training stage keeps its state."""
        return self.folder / f"{stage}-{self.fingerprint(stage)}.safetensors"

    def fingerprint(self, stage: str) -> str:
        """Eight digits of a hash of all the settings that shape a stage."""
        settings = asdict(self.settings)
        shared = {key: settings[key] for key in ("seed", "pictures", "precision")}
        words = {key: settings[key] for key in ("vocabulary", "prompt_length")} if stage in ("clip", "denoiser") else {}
        words |= {key: settings[key] for key in ("snr_cap", "more_pairs")} if stage == "denoiser" else {}
        schedules = {key: settings[key] for key in (*BUILDS_ON.get(stage, ()), stage)}
        return hashlib.sha256(json.dumps([shared, words, schedules], sort_keys=True).encode()).hexdigest()[:8]

    def batch(self, rows: np.ndarray) -> torch.Tensor:
        """Pictures ``[n, 3, 64, 64]`` in [−1, 1]."""
        return to_model_range(self.pictures.pixels[rows], self.device)

    def _initialised(self, number: int, build: Callable[[], M]) -> M:
        torch.manual_seed(self.settings.seed + number)
        return build().to(self.device)

    def _restored(self, stage: str, model: M) -> M:
        """The model with the final (averaged) weights of its stage, if that is done; else as it is."""
        weights = finished_weights(self.checkpoint(stage), getattr(self.settings, stage))
        if weights is None:
            return model
        model.load_state_dict(weights, strict=True)
        return model.eval()
