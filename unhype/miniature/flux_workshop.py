"""Where mini-flux's recipe works: its settings, a folder of checkpoints, and the models as far as they are trained.

What mini-sd has is taken from its shipped folder and not trained again: autoencoder, CLIP and its tokenizer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch

from unhype.bases.cards import content_hash, verify
from unhype.errors import UnhypeError
from unhype.miniature.clip import tokenize
from unhype.miniature.flow import Words, build_transformer
from unhype.miniature.folders import BASE
from unhype.miniature.pictures import Pictures
from unhype.miniature.pieces import train_pieces
from unhype.miniature.t5 import TaughtT5, build_t5, piece_ids
from unhype.miniature.typed import retyped
from unhype.pictures.pixels import to_model_range
from unhype.training import PRECISIONS, Schedule, finished_weights

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, FluxTransformer2DModel
    from transformers import CLIPTextModel, CLIPTokenizer, T5Tokenizer

STAGES = ("t5", "flow", "guidance", "flow_again", "guidance_again")
"""The training stages; each builds on the results of those before it."""

M = TypeVar("M", bound=torch.nn.Module)


@dataclass(frozen=True)
class FluxPretraining:
    """Settings of the recipe.

    Attributes:
        seed: of pictures, captions, initial weights, noise: everything.
        pictures: rendered rows of the mixture.
        vocabulary: pieces of T5's tokenizer.
        prompt_length: T5's tokens of a prompt where nobody says otherwise.
        precision: arithmetic of the forward and backward passes, one of :data:`unhype.training.PRECISIONS`.
        more_pairs: share of the flow's batches drawn from pictures of two people alone, which take longest to learn.
        more_things: the same, in the second round, of pictures of a thing alone: few in the mixture, and hard.
    """

    seed: int = 0
    pictures: int = 60_000
    vocabulary: int = 2304
    prompt_length: int = 48
    precision: str = "bf16"
    more_pairs: float = 0.3
    more_things: float = 0.4
    t5: Schedule = field(default_factory=lambda: Schedule(steps=1200, batch=128, rate=3e-3, muon=True))
    flow: Schedule = field(default_factory=lambda: Schedule(steps=4000, batch=64, rate=3e-3, average=0.999, muon=True))
    guidance: Schedule = field(
        default_factory=lambda: Schedule(steps=400, batch=64, rate=5e-4, average=0.99, muon=True)
    )
    flow_again: Schedule = field(
        default_factory=lambda: Schedule(steps=1500, batch=64, rate=1e-3, average=0.995, muon=True)
    )
    guidance_again: Schedule = field(
        default_factory=lambda: Schedule(steps=400, batch=64, rate=5e-4, average=0.99, muon=True)
    )

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UnhypeError(f"got precision {self.precision!r} in params.yaml, wanted one of {', '.join(PRECISIONS)}")
        shares = (self.more_pairs, self.more_things, 1 - self.more_pairs - self.more_things)
        if self.pictures < 1 or self.vocabulary < 200 or self.prompt_length < 8 or min(shares) < 0:
            raise UnhypeError(
                f"got {self}, wanted pictures ≥ 1, vocabulary ≥ 200, prompt_length ≥ 8, "
                "more_pairs and more_things ≥ 0 and together ≤ 1"
            )


@dataclass(frozen=True)
class FluxWorkshop:
    """A folder in which the recipe works, and the models as far as they are trained.

    Attributes:
        data: the data folder, with mini-sd in it.
    """

    settings: FluxPretraining
    folder: Path
    data: Path
    device: torch.device

    @property
    def donor(self) -> Path:
        """mini-sd's folder."""
        return self.data / BASE

    @cached_property
    def donor_hash(self) -> str:
        """Of mini-sd, every byte checked."""
        verify(self.donor)
        return content_hash(self.donor)

    @cached_property
    def pictures(self) -> Pictures:
        """The training pictures."""
        return Pictures(self.folder, self.settings.pictures, self.settings.seed)

    @cached_property
    def autoencoder(self) -> AutoencoderKL:
        """mini-sd's."""
        from diffusers import AutoencoderKL

        return AutoencoderKL.from_pretrained(self.donor / "vae").to(self.device).eval()

    @cached_property
    def clip(self) -> CLIPTextModel:
        """mini-sd's text encoder."""
        from transformers import CLIPTextModel

        return CLIPTextModel.from_pretrained(self.donor / "text_encoder", dtype=torch.float32).to(self.device).eval()

    @cached_property
    def tokenizer(self) -> CLIPTokenizer:
        """mini-sd's."""
        from transformers import CLIPTokenizer

        return CLIPTokenizer.from_pretrained(self.donor / "tokenizer")

    @cached_property
    def pieces(self) -> T5Tokenizer:
        """T5's tokenizer, learned from one caption a picture."""
        rng = np.random.default_rng([self.settings.seed, 1])
        captions = self.pictures.captions(np.arange(self.pictures.count), rng)
        typed = retyped(captions, self.settings.prompt_length, rng)
        return train_pieces(typed, self.settings.vocabulary, self.settings.prompt_length)

    @cached_property
    def taught_t5(self) -> TaughtT5:
        """T5 with the readout of its training."""
        return self._restored("t5", self._initialised(0, lambda: TaughtT5(build_t5(self.pieces))))

    @cached_property
    def transformer(self) -> FluxTransformer2DModel:
        """The denoiser as far as it is trained."""
        return self.transformer_after(STAGES[-1])

    def transformer_after(self, stage: str) -> FluxTransformer2DModel:
        """A new copy of the denoiser, as it is after a stage, or after the last one before it that is done."""
        model = self._initialised(1, build_transformer)
        for done in STAGES[1 : STAGES.index(stage) + 1]:
            model = self._restored(done, model)
        return model

    @cached_property
    def pairs(self) -> np.ndarray:
        """Rows of the pictures that show two people."""
        return np.array([i for i in range(self.pictures.count) if len(self.pictures.example(i).subject.people) == 2])

    @cached_property
    def things(self) -> np.ndarray:
        """Rows of the pictures that show a thing alone."""
        subjects = ((i, self.pictures.example(i).subject) for i in range(self.pictures.count))
        return np.array([i for i, subject in subjects if subject.thing and not subject.people])

    @cached_property
    def latents(self) -> np.ndarray:
        """Latents of all pictures, ``float16 [pictures, 4, 16, 16]``."""
        return np.load(self.latents_path, mmap_mode="r")

    @property
    def latents_path(self) -> Path:
        """Where the latents lie."""
        return self.folder / f"latents-{self.donor_hash[:8]}-{self.settings.seed}-{self.settings.pictures}.npy"

    def checkpoint(self, stage: str) -> Path:
        """Where a training stage keeps its state."""
        return self.folder / f"{stage}-{self.fingerprint(stage)}.safetensors"

    def fingerprint(self, stage: str) -> str:
        """Eight digits of a hash of all the settings that shape a stage, and of mini-sd."""
        settings = asdict(self.settings)
        shared = {key: settings[key] for key in ("seed", "pictures", "precision", "vocabulary", "prompt_length")}
        shared |= {"more_pairs": settings["more_pairs"]} if stage != "t5" else {}
        shared |= {"more_things": settings["more_things"]} if stage.endswith("again") else {}
        schedules = {key: settings[key] for key in STAGES[: STAGES.index(stage) + 1]}
        text = json.dumps([self.donor_hash, shared, schedules], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def batch(self, rows: np.ndarray) -> torch.Tensor:
        """Pictures ``[n, 3, 64, 64]`` in [−1, 1]."""
        return to_model_range(self.pictures.pixels[rows], self.device)

    @torch.no_grad()
    def words(self, clip: Sequence[str], t5: Sequence[str], length: int) -> Words:
        """What the transformer reads of a batch of prompts, ``prompt`` for CLIP and ``prompt_2`` for T5."""
        pooled = self.clip(input_ids=tokenize(self.tokenizer, clip).to(self.device)).pooler_output
        states = self.taught_t5.encoder(input_ids=piece_ids(self.pieces, t5, length).to(self.device)).last_hidden_state
        return Words(states, pooled)

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


@torch.no_grad()
def round_to_half(model: torch.nn.Module) -> None:
    """Round the weights, in place, to what fp16 can hold: the numbers that ship."""
    for parameter in model.parameters():
        parameter.copy_(parameter.half())
