"""Flux (dev and schnell): a transformer of double and single blocks, T5's token states, CLIP's pooled vector, flow.

    z_σ = (1 − σ) · z_0 + σ · ε        v = ε − z_0        the time is σ, in 0 … 1

Text enters twice. T5's states go through ``context_embedder`` into joint attention; the pooled vector goes through
``text_embedder`` into every layer's modulation. The published sites (UnHype, section 5: 95 layers of Flux.1-dev) lie
inside the blocks; the default is the two entries themselves, where a name is forgotten whole: docs/experiments/flux.md.
Guidance is an embedding in dev, absent in schnell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from unhype.adapters.sites import Site, find_sites, unwrapped
from unhype.adapters.watching import Asked, Rows
from unhype.errors import UnhypeError
from unhype.families.clip_text import ClipTexts
from unhype.families.family import Defaults, Family
from unhype.families.flow import LAWS, Flow, drawn, shift_of
from unhype.families.packing import packed, places_of, unpacked
from unhype.families.spoken import parted, spoken, visible
from unhype.families.t5_text import T5Texts
from unhype.families.text import Text, texts_of
from unhype.families.trajectory import Trajectory
from unhype.families.vae import vae_latents
from unhype.pictures.sampling import Sampling

LENGTH = 512
"""T5's tokens where nobody says otherwise: what diffusers does, and what schnell cuts to 256."""

QUERIES_AND_KEYS = ("to_q", "to_k", "add_q_proj", "add_k_proj")

SEEING = 5
"""Blocks that a monitor looks through."""

TRAINED_GUIDANCE = 1.0
"""Guidance that a distilled base is told while a guard is trained: the conditional velocity itself."""


class Flux(Family):
    """Flux.1."""

    name = "flux"
    plain = "FluxPipeline"
    part = "transformer"
    state_tokenizer = "tokenizer_2"
    words = (".add_", ".to_add_out.", "context", ".text_embedder.")
    words_apart = False
    text_table: ClassVar[Mapping[str, str]] = {"context_embedder": "states"}
    pooled_table: ClassVar[Mapping[str, str]] = {"time_text_embed.text_embedder.linear_1": "pooled"}
    encoders = (("text_encoder", "tokenizer"), ("text_encoder_2", "tokenizer_2"))
    defaults = Defaults(Sampling(steps=28, guidance=3.0, batch=1, size=512), dtype="bf16", checkpointing=True)
    tables: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "text_entries": {"context_embedder": "states", "time_text_embed.text_embedder.linear_1": "pooled"},
        # Single blocks have no to_out: their output is proj_out, which is also the name of the model's last layer.
        "published": {"attn.to_v": "hidden", "attn.add_v_proj": "hidden", "attn.to_out.0": "hidden"},
    }
    readings = ("pooled", "states", "both")
    laws = LAWS
    drawn_from = ("hidden_states", "img_ids", "timestep")

    def __init__(self, pipeline: Any, table: str | None = None, reads: str | None = None) -> None:
        super().__init__(pipeline, table, reads)
        self.length = min(LENGTH, pipeline.tokenizer_2.model_max_length)
        self._clip = ClipTexts(pipeline.tokenizer, pipeline.text_encoder)
        self._t5 = T5Texts(pipeline.tokenizer_2, pipeline.text_encoder_2, LENGTH)  # a call may read further

    @classmethod
    def fits(cls, pipeline: Any) -> bool:
        transformer: Any = getattr(pipeline, "transformer", None)
        kind = type(None if transformer is None else unwrapped(transformer)).__name__
        both = all(getattr(pipeline, name, None) is not None for name in ("text_encoder", "text_encoder_2"))
        return both and kind == "FluxTransformer2DModel"

    @property
    def width(self) -> int:
        pooled, states = self.pipeline.text_encoder.config.hidden_size, self.pipeline.text_encoder_2.config.d_model
        return int({"pooled": pooled, "states": states, "both": pooled + states}[self.reads])

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        vae = self.pipeline.vae.config
        size = self.size // self.pipeline.vae_scale_factor
        return vae.latent_channels, size, size

    @property
    def read_channels(self) -> int:
        """A token holds four latents."""
        return int(self.config.in_channels) // 4

    @property
    def joint_layers(self) -> tuple[Site, ...]:
        """Those of the double blocks; a single block has one set of weights for both."""
        found = find_sites(self.bare_denoiser, {f"attn.{name}": "hidden" for name in QUERIES_AND_KEYS})
        blocks = {site.name.rpartition(".")[0] for site in found if site.name.endswith("add_q_proj")}
        return tuple(site for site in found if site.name.rpartition(".")[0] in blocks)

    @property
    def feature_blocks(self) -> list[nn.Module]:
        """Some of the double and single blocks, as far from each other as can be."""
        model: Any = self.bare_denoiser
        blocks = [*model.transformer_blocks, *model.single_transformer_blocks]
        return [blocks[round(place)] for place in np.linspace(0, len(blocks) - 1, min(SEEING, len(blocks)))]

    def feature_map(self, output: Any, height: int, width: int) -> torch.Tensor:
        """The tokens of the picture, which stand behind those of the text."""
        tokens: torch.Tensor = output[-1] if isinstance(output, tuple) else output
        n, _, channels = tokens.shape
        rows, columns = height // 2, width // 2
        return tokens[:, -rows * columns :].transpose(1, 2).reshape(n, channels, rows, columns)

    @property
    def size(self) -> int:
        """Of a picture, in pixels: the VAE's own where it is smaller than what the family is drawn with."""
        return min(int(self.pipeline.vae.config.sample_size), self.defaults.sampling.size or LENGTH)

    @property
    def shape(self) -> dict[str, int | bool]:
        return {
            "a guidance embedding": bool(self.config.guidance_embeds),  # dev has one, schnell has none
            "numbers in the pooled vector": int(self.config.pooled_projection_dim),
            "numbers in a token's state": int(self.config.joint_attention_dim),
            "tokens that T5 reads by default": self.length,
        }

    # ------------------------------------------------------------ text

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> Text:
        states, pooled, _ = self.pipeline.encode_prompt(
            list(prompts), list(prompts), max_sequence_length=self.length, device=self.device
        )
        return Text(states.to(self.device, self.dtype), pooled.to(self.device, self.dtype))

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """CLIP's pooled vectors, the means of T5's states, or both, each brought to numbers of size 1."""
        parts = []
        if self.reads != "states":
            parts.append(self._clip(spoken(self.pipeline, self.pipeline.tokenizer, texts)).to(self.device))
        if self.reads != "pooled":
            parts.append(self._t5(spoken(self.pipeline, self.pipeline.tokenizer_2, texts)).to(self.device))
        if len(parts) == 1:
            return parts[0]
        return torch.cat([nn.functional.layer_norm(part, part.shape[-1:]) for part in parts], 1)

    def visible(self, text: str) -> str:
        return self._visible(text, self.length)

    def _visible(self, text: str, length: int) -> str:
        return max(self._clip_reads(text), self._t5_reads(text, length), key=len)

    def _clip_reads(self, text: str) -> str:
        limit = self.pipeline.tokenizer.model_max_length
        return self._parted(visible(self.pipeline, self.pipeline.tokenizer, text, limit))

    def _t5_reads(self, text: str, length: int) -> str:
        return self._parted(visible(self.pipeline, self.pipeline.tokenizer_2, text, length))

    def _parted(self, text: str) -> str:
        return parted(text, self.pipeline.tokenizer, self.pipeline.tokenizer_2)

    def tokens(self, text: str) -> int:
        return len(self.pipeline.tokenizer(text).input_ids)

    def whole_from(self, text: str) -> int:
        """The first: T5 reads both ways."""
        return 0

    # ------------------------------------------------------------ diffusion

    def times(self, n: int, rng: np.random.Generator, earliest: float, law: str = "") -> torch.Tensor:
        """σ; uniform in the sampler's own steps, shifted as it does for so many tokens, or logit-normal in them."""
        return drawn(n, rng, shift_of(self.pipeline.scheduler, self._tokens), earliest, law or LAWS[0]).to(self.device)

    def time_at(self, share: float, n: int) -> torch.Tensor:
        return torch.full((n,), float(share), device=self.device)

    @property
    def _tokens(self) -> int:
        """Latent tokens of a picture of the usual size."""
        _, height, width = self.latent_shape
        return height * width // 4

    def noised(self, latents: torch.Tensor, noise: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        sigma = times.to(latents).view(-1, 1, 1, 1)
        return (1 - sigma) * latents + sigma * noise

    def clean(self, noisy: torch.Tensor, times: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
        """z_0 = z_σ − σ · v."""
        return noisy.float() - times.float().view(-1, 1, 1, 1) * predicted.float()

    def share_of(self, times: torch.Tensor) -> torch.Tensor:
        return times.float()

    def predict(
        self, noisy: torch.Tensor, times: torch.Tensor, text: Text, denoiser: nn.Module | None = None
    ) -> torch.Tensor:
        return self._velocity(self.denoiser if denoiser is None else denoiser, noisy, times, text, TRAINED_GUIDANCE)

    def guided(
        self, noisy: torch.Tensor, times: torch.Tensor, text: Text, empty: Text, guidance: float
    ) -> torch.Tensor:
        return self._velocity(self.denoiser, noisy, times, text, guidance)

    def _velocity(
        self, model: nn.Module, noisy: torch.Tensor, times: torch.Tensor, text: Text, strength: float
    ) -> torch.Tensor:
        n, _, height, width = noisy.shape
        given = noisy.to(self.dtype)
        guidance = None
        if self.config.guidance_embeds:
            guidance = torch.full((n,), strength, device=self.device)
        velocity = model(
            hidden_states=packed(given),
            timestep=times.to(self.dtype),
            guidance=guidance,
            pooled_projections=text.pooled,
            encoder_hidden_states=text.states,
            txt_ids=torch.zeros(text.states.shape[1], 3, device=self.device, dtype=self.dtype),
            img_ids=places_of(height // 2, width // 2, self.device, self.dtype),
            return_dict=False,
        )[0]
        return unpacked(velocity, height, width)

    def latents(self, pixels: np.ndarray) -> torch.Tensor:
        vae = self.pipeline.vae
        return vae_latents(vae, pixels, vae.config.shift_factor or 0.0, self.device)

    def trajectory(self, steps: int) -> Trajectory:
        return Flow(self.pipeline.scheduler, steps, self._tokens, self.device)

    # ------------------------------------------------------------ pictures

    def call_options(self, how: Sampling) -> dict[str, Any]:
        size = how.size or self.size
        return {"height": size, "width": size, "max_sequence_length": self.length}

    # ------------------------------------------------------------ watching

    def asked(self, arguments: Mapping[str, Any], turn: int) -> Asked:
        """``prompt`` goes to CLIP and ``prompt_2`` to T5: both are read. True guidance encodes its negatives second."""
        length = self._asked_length(arguments)
        texts = None
        if arguments.get("prompt_embeds") is None:
            texts = self._read(arguments.get("prompt"), arguments.get("prompt_2"), length)
        return Asked(None, texts or []) if turn else Asked(texts)

    def _asked_length(self, arguments: Mapping[str, Any]) -> int:
        """T5's tokens in a call of ``encode_prompt``.

        Raises:
            UnhypeError: none, or more than the pipeline draws with.
        """
        given = arguments.get("max_sequence_length", LENGTH)
        length = self.pipeline.tokenizer_2.model_max_length if given is None else given
        if not isinstance(length, int) or not 1 <= length <= LENGTH:
            raise UnhypeError(
                f"got max_sequence_length={given!r}, wanted a number from 1 to {LENGTH}, the most tokens that a "
                "FluxPipeline gives to T5: shorten the prompt, or leave it out"
            )
        return length

    def _read(self, prompt: Any, prompt_2: Any, length: int) -> list[tuple[str, ...]] | None:
        """What the encoders read: of one prompt what either does, of two each its own."""
        if not prompt_2:
            texts = texts_of(prompt)
            return texts and [(self._visible(text, length),) for (text,) in texts]
        clip = [self._clip_reads(text) for (text,) in texts_of(prompt) or []]
        t5 = [self._t5_reads(text, length) for (text,) in texts_of(prompt_2) or []]
        return texts_of(clip or None, t5)

    def encoded(self, result: Any) -> tuple[Rows, Rows | None]:
        states, pooled, _ = result
        return (states, pooled), None

    def text_in(self, arguments: Mapping[str, Any]) -> Rows:
        return arguments["encoder_hidden_states"], arguments["pooled_projections"]

    def drawn_in(self, arguments: Mapping[str, Any], output: Any) -> tuple[torch.Tensor, torch.Tensor]:
        # Behind the picture's own tokens, and its own channels, may stand a picture that it shall follow.
        own = arguments["img_ids"][arguments["img_ids"][:, 0] == 0]
        rows, columns = (int(number) + 1 for number in own[:, 1:].amax(0))
        tokens = (part[:, : len(own), : output[0].shape[-1]] for part in (arguments["hidden_states"], output[0]))
        noisy, velocity = (unpacked(part, 2 * rows, 2 * columns) for part in tokens)
        times = arguments["timestep"].float().expand(len(noisy))
        return self.clean(noisy, times, velocity), times

    def with_text(self, arguments: Mapping[str, Any], text: Text) -> dict[str, Any]:
        return {**arguments, "encoder_hidden_states": text.states, "pooled_projections": text.pooled}
