"""The recipe of mini-sd, its CLIP and its judge: stages, each resumable, each a pure function of settings and seed.

A stage's checkpoint carries a fingerprint of everything that shaped it (its own settings and those of the stages before it), so a
changed setting reruns what depends on it and nothing else.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from safetensors import safe_open

from unhype.errors import UnhypeError
from unhype.files import write_array
from unhype.miniature.autoencoder import LATENT_CHANNELS, LATENT_SIZE, autoencoder_loss, build_autoencoder, encode, standardise, to_model_range
from unhype.miniature.clip import build_clip, contrastive_loss, tokenize
from unhype.miniature.denoiser import build_denoiser, build_scheduler, denoising_loss, drop_captions
from unhype.miniature.judge import Judge, degrade, judge_loss, labels_for
from unhype.miniature.pictures import Pictures
from unhype.miniature.tokenizer import train_tokenizer
from unhype.miniature.training import Schedule, fit

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPModel, CLIPTokenizer

BEFORE = {"denoiser": ("autoencoder", "clip"), "refinement": ("autoencoder", "clip", "denoiser")}
"""Training stage → the training stages whose results it builds on."""

M = TypeVar("M", bound=torch.nn.Module)

PRECISIONS = {"bf16": torch.bfloat16, "fp32": torch.float32}


@dataclass(frozen=True)
class Pretraining:
    """Settings of the recipe.

    Attributes:
        seed: of pictures, captions, initial weights, noise: everything.
        pictures: rendered rows of the mixture.
        vocabulary: tokens of the tokenizer.
        prompt_length: tokens of a prompt, start and end included.
        precision: arithmetic of the forward and backward passes, ``bf16`` or ``fp32``; weights stay float32.
        denoiser, refinement: the same training; in the second, every other picture shows two people, who take longest to learn.
        snr_cap: cap of the denoiser's Min-SNR weights; infinity (``.inf`` in YAML) weights all noise levels alike.
    """

    seed: int = 0
    pictures: int = 60_000
    vocabulary: int = 2304
    prompt_length: int = 48
    precision: str = "bf16"
    snr_cap: float = 2.0
    autoencoder: Schedule = field(default_factory=lambda: Schedule(steps=4000, batch=16, rate=3e-3, average=0.995))
    clip: Schedule = field(default_factory=lambda: Schedule(steps=2500, batch=160, rate=1.5e-3))
    judge: Schedule = field(default_factory=lambda: Schedule(steps=2500, batch=128, rate=2e-3, average=0.995))
    denoiser: Schedule = field(default_factory=lambda: Schedule(steps=7000, batch=64, rate=1e-3, average=0.999))
    refinement: Schedule = field(default_factory=lambda: Schedule(steps=2000, batch=64, rate=5e-4, average=0.998))

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UnhypeError(f"got precision {self.precision!r} in params.yaml, wanted one of {', '.join(PRECISIONS)}")
        if self.pictures < 1 or self.vocabulary < 515 or self.prompt_length < 8 or self.snr_cap <= 0:
            raise UnhypeError(f"got {self}, wanted pictures ≥ 1, vocabulary ≥ 515, prompt_length ≥ 8 and snr_cap > 0")


@dataclass(frozen=True)
class Progress:
    """Where a stage stands: ``done`` of ``total``, its latest loss (NaN where it has none)."""

    stage: str
    done: int
    total: int
    loss: float = float("nan")


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
        """The autoencoder in training; its latents are whatever they are."""
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
    def clip(self) -> CLIPModel:
        """Both CLIP towers."""
        return self._restored("clip", self._initialised(1, lambda: build_clip(self.tokenizer)))

    @cached_property
    def judge(self) -> Judge:
        """The judge, not yet calibrated."""
        return self._restored("judge", self._initialised(2, Judge))

    @cached_property
    def denoiser(self) -> UNet2DConditionModel:
        """The U-Net."""
        return self._restored("denoiser", self._initialised(3, build_denoiser))

    @cached_property
    def refined(self) -> UNet2DConditionModel:
        """The U-Net after the refinement: what ships."""
        return self._restored("refinement", copy.deepcopy(self.denoiser))

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
        words = {key: settings[key] for key in ("vocabulary", "prompt_length")} if stage in ("clip", "denoiser", "refinement") else {}
        words |= {"snr_cap": self.settings.snr_cap} if stage in ("denoiser", "refinement") else {}
        schedules = {key: settings[key] for key in (*BEFORE.get(stage, ()), stage)}
        return hashlib.sha256(json.dumps([shared, words, schedules], sort_keys=True).encode()).hexdigest()[:8]

    def batch(self, rows: np.ndarray) -> torch.Tensor:
        """Pictures ``[n, 3, 64, 64]`` in [−1, 1]."""
        return to_model_range(self.pictures.pixels[rows], self.device)

    def _initialised(self, number: int, build: Callable[[], M]) -> M:
        torch.manual_seed(self.settings.seed + number)
        return build().to(self.device)

    def _restored(self, stage: str, model: M) -> M:
        """The model with the final (averaged) weights of its stage, if that is done; else as it is."""
        schedule: Schedule = getattr(self.settings, stage)
        path = self.checkpoint(stage)
        if not path.exists():
            return model
        with safe_open(path, framework="pt") as file:
            if int(file.metadata()["done"]) < schedule.steps:
                return model
            state = {key[6:]: file.get_tensor(key) for key in file.keys() if key.startswith("model/")}  # noqa: SIM118
            state |= {key[8:]: file.get_tensor(key) for key in file.keys() if key.startswith("average/")}  # noqa: SIM118
        model.load_state_dict(state, strict=True)
        return model.eval()


def pretrain(workshop: Workshop) -> Iterator[Progress]:
    """Run every stage that is not done yet; the models are then in the workshop."""
    for stage in STAGES.values():
        yield from stage(workshop)


def _render(shop: Workshop) -> Iterator[Progress]:
    for done in shop.pictures.render_all():
        yield Progress("pictures", done, shop.pictures.count)


def _learn_words(shop: Workshop) -> Iterator[Progress]:
    yield Progress("tokenizer", 0, 1)
    _ = shop.tokenizer
    yield Progress("tokenizer", 1, 1)


def _train_autoencoder(shop: Workshop) -> Iterator[Progress]:
    schedule = shop.settings.autoencoder

    def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
        pictures = shop.batch(_rows(shop, schedule, rng))
        return autoencoder_loss(shop.autoencoder, pictures.contiguous(memory_format=torch.channels_last))

    yield from _train(shop, "autoencoder", shop.autoencoder, loss, 0)


def _train_clip(shop: Workshop) -> Iterator[Progress]:
    schedule = shop.settings.clip

    def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
        rows = _rows(shop, schedule, rng)
        examples = [shop.pictures.example(int(i)) for i in rows]
        ids = tokenize(shop.tokenizer, [example.caption(rng) for example in examples])
        return contrastive_loss(shop.clip, ids.to(shop.device), shop.batch(rows), examples)

    yield from _train(shop, "clip", shop.clip, loss, 1)


def _train_judge(shop: Workshop) -> Iterator[Progress]:
    schedule = shop.settings.judge

    def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
        rows = _rows(shop, schedule, rng)
        labels = labels_for([shop.pictures.looks(int(i)) for i in rows], [shop.pictures.example(int(i)).subject.thing for i in rows])
        pictures, labels = degrade(shop.batch(rows).cpu(), labels, rng)
        return judge_loss(shop.judge, pictures.to(shop.device), labels.to(shop.device))

    yield from _train(shop, "judge", shop.judge, loss, 2)


def _encode_pictures(shop: Workshop, block: int = 64) -> Iterator[Progress]:
    path, count = shop.latents_path, shop.pictures.count
    if path.exists():
        return
    starts = range(0, count, block)
    blocks = (_encoded(shop, np.arange(start, min(start + block, count))) for start in starts)
    for done in write_array(path, "float16", (count, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE), blocks):
        yield Progress("latents", done, count)


def _encoded(shop: Workshop, rows: np.ndarray) -> np.ndarray:
    # Made before autocast begins, which would go on with its copies of the weights from before they were standardised.
    model = shop.standard_autoencoder
    with torch.autocast(shop.device.type, PRECISIONS[shop.settings.precision], enabled=shop.settings.precision != "fp32"):
        return encode(model, shop.batch(rows)).cpu().numpy()


def _train_denoiser(shop: Workshop) -> Iterator[Progress]:
    def rows(rng: np.random.Generator) -> np.ndarray:
        return _rows(shop, shop.settings.denoiser, rng)

    yield from _train(shop, "denoiser", shop.denoiser, _denoising(shop, shop.denoiser, rows), 3)


def _refine_denoiser(shop: Workshop) -> Iterator[Progress]:
    def rows(rng: np.random.Generator) -> np.ndarray:
        chosen = _rows(shop, shop.settings.refinement, rng)
        if len(shop.pairs):
            chosen[::2] = rng.choice(shop.pairs, size=len(chosen[::2]))
        return np.sort(chosen)

    yield from _train(shop, "refinement", shop.refined, _denoising(shop, shop.refined, rows), 4)


def _denoising(
    shop: Workshop, model: UNet2DConditionModel, rows: Callable[[np.random.Generator], np.ndarray]
) -> Callable[[int, np.random.Generator], torch.Tensor]:
    """The denoiser's loss of a step on rows of ``rows``' choice."""
    scheduler, text_encoder = build_scheduler(), shop.clip.text_model.eval()

    def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
        chosen = rows(rng)
        captions = drop_captions(shop.pictures.captions(chosen, rng), rng)
        with torch.no_grad():
            states = text_encoder(input_ids=tokenize(shop.tokenizer, captions).to(shop.device)).last_hidden_state
        latents = torch.from_numpy(shop.latents[chosen].astype(np.float32)).to(shop.device)
        return denoising_loss(model, scheduler, latents, states, rng, shop.settings.snr_cap)

    return loss


def _train(shop: Workshop, stage: str, model: torch.nn.Module, loss: Callable[[int, np.random.Generator], torch.Tensor], number: int) -> Iterator[Progress]:
    schedule: Schedule = getattr(shop.settings, stage)
    precision = PRECISIONS[shop.settings.precision]
    model.train()
    for report in fit(model, loss, schedule, shop.checkpoint(stage), shop.settings.seed + number, shop.device, precision):
        yield Progress(stage, report.step, report.steps, report.loss)
    model.eval()


def _rows(shop: Workshop, schedule: Schedule, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.integers(shop.pictures.count, size=schedule.batch))


STAGES: dict[str, Callable[[Workshop], Iterator[Progress]]] = {
    "pictures": _render,
    "tokenizer": _learn_words,
    "autoencoder": _train_autoencoder,
    "clip": _train_clip,
    "judge": _train_judge,
    "latents": _encode_pictures,
    "denoiser": _train_denoiser,
    "refinement": _refine_denoiser,
}
"""The stages, in order."""
