"""The seam between erasing and the models: what a family of pipelines says of itself; nothing else is ever asked.

Rooms above this one know a base as a ``Family``: prompts → encoded text and vectors, noisy latents → predictions,
prompts → pictures, and the layers that adapters go to. How to add one: README.md beside this file.

Shapes: n samples, ``[C, h, w]`` latents (never packed), t tokens, d width of token states, p of the pooled vector.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from unhype.adapters.sites import Site, find_sites, unwrapped
from unhype.adapters.watching import Asked, Rows
from unhype.errors import UnhypeError
from unhype.families.sentences import Sentences
from unhype.families.text import Text
from unhype.families.trajectory import Trajectory
from unhype.pictures.sampling import Sampling, sample


@dataclass(frozen=True)
class Defaults:
    """What a family uses where nobody says otherwise.

    Attributes:
        sampling: how pictures are drawn (steps and guidance of method.md).
        dtype: in which the frozen base is loaded; what is trained is float32 always.
        checkpointing: whether training trades time for memory in the denoiser.
    """

    sampling: Sampling
    dtype: str = "float32"
    checkpointing: bool = False


class Family(ABC):
    """A pipeline, frozen, with the operations that erasure needs.

    Attributes:
        name: of the family, as guards and tables say it.
        plain: name of its plain diffusers pipeline, as a ``model_index.json`` says it.
        part: the denoiser's name in the pipeline.
        encoders: names of the text encoders and tokenizers in the pipeline, each pair in the order of the prompts.
        state_tokenizer: name of the tokenizer of the encoder that makes the token states.
        words: pieces of the names of the denoiser's weights that answer to words (ESD tunes those, or all others).
        words_apart: whether all others are free of words; in joint attention they are not.
        text_table: as ``tables``: the layers that read token states as they are; closed forms solve for these.
        pooled_table: the same of the pooled vector, where a family has one.
        tables: choice of sites → ending of a layer's name → what it reads; the first is the default.
        readings: what c may be made of: the ``pooled`` vector of a text, the mean of its tokens' ``states``, or
            ``both``; the first is the default.
        laws: how times may be drawn in training; the first is the default.
        drawn_from: names of the denoiser's arguments from which :meth:`drawn_in` tells what it draws.
    """

    name: ClassVar[str]
    plain: ClassVar[str]
    part: ClassVar[str]
    encoders: ClassVar[Sequence[tuple[str, str]]]
    state_tokenizer: ClassVar[str] = "tokenizer"
    words: ClassVar[Sequence[str]]
    words_apart: ClassVar[bool] = True
    text_table: ClassVar[Mapping[str, str]]
    pooled_table: ClassVar[Mapping[str, str]] = {}
    tables: ClassVar[Mapping[str, Mapping[str, str]]]
    readings: ClassVar[Sequence[str]] = ("pooled",)
    laws: ClassVar[Sequence[str]] = ("uniform",)
    drawn_from: ClassVar[Sequence[str]]
    defaults: ClassVar[Defaults]

    def __init__(self, pipeline: Any, table: str | None = None, reads: str | None = None) -> None:
        """Take a pipeline.

        Args:
            table: choice of sites, of ``tables``.
            reads: choice of what c is made of, of ``readings``.

        Raises:
            UnhypeError: see :meth:`check_choices`.
        """
        self.check_choices(table, reads)
        self.pipeline = pipeline
        self.table, self.reads = table or next(iter(self.tables)), reads or self.readings[0]
        for module in self.parts.values():
            module.requires_grad_(False).eval()
        self._sites: tuple[Site, ...] | None = None
        self._sentences = Sentences(self.encode)
        self._away: dict[str, torch.device] = {}

    # ------------------------------------------------------------ what it is

    @classmethod
    @abstractmethod
    def fits(cls, pipeline: Any) -> bool:
        """Whether a pipeline is of this family: told by its parts, not by its name."""

    @classmethod
    def check_choices(cls, table: str | None = None, reads: str | None = None, law: str | None = None) -> None:
        """Refuse a choice of sites, of what c is made of, or of how times are drawn that the family doesn't have.

        Raises:
            UnhypeError: it has others, which are named; what is empty is its first.
        """
        for what, got, wanted, key in (
            ("sites", table, tuple(cls.tables), "sites"),
            ("vectors", reads, tuple(cls.readings), "reads"),
            ("times", law, tuple(cls.laws), "times"),
        ):
            if got and got not in wanted:
                raise UnhypeError(
                    f"got the {what} {got!r} for {cls.name}, wanted one of {', '.join(wanted)} in training.{key} of "
                    "params.yaml"
                )

    @property
    def denoiser(self) -> nn.Module:
        """The model that predicts noise or velocity."""
        found: nn.Module = getattr(self.pipeline, self.part)
        return found

    @property
    def bare_denoiser(self) -> nn.Module:
        """The same, where ``torch.compile`` has not wrapped it: the names of its layers are those of the base."""
        return unwrapped(self.denoiser)

    @property
    def config(self) -> Any:
        """The denoiser's configuration."""
        return self.bare_denoiser.config

    @property
    def parts(self) -> dict[str, nn.Module]:
        """Name → module of what makes the base what it is: the denoiser and the text encoders."""
        named = {name: getattr(self.pipeline, name, None) for name in (self.part, *(e for e, _ in self.encoders))}
        return {name: module for name, module in named.items() if module is not None}

    @property
    def frozen(self) -> tuple[str, ...]:
        """Names of the pipeline's parts that must not be exchanged under guard."""
        return (self.part, *(name for pair in self.encoders for name in pair))

    @property
    def sites(self) -> tuple[Site, ...]:
        """The layers that adapters go to."""
        if self._sites is None:
            self._sites = find_sites(self.bare_denoiser, self.tables[self.table])
        return self._sites

    @property
    def feature_blocks(self) -> list[nn.Module]:
        """Blocks of the bare denoiser whose outputs say what a picture shows, for a monitor; none where nobody has
        named them."""
        return []

    def feature_map(self, output: Any, height: int, width: int) -> torch.Tensor:
        """What such a block gave for latents of ``[height, width]``, as a picture ``[n, channels, a, b]``."""
        found: torch.Tensor = output
        return found

    @property
    def text_layers(self) -> tuple[Site, ...]:
        """The layers that read token states as they are: closed forms solve for these, whatever the sites are."""
        return find_sites(self.bare_denoiser, self.text_table)

    @property
    def pooled_layers(self) -> tuple[Site, ...]:
        """The layers that read the pooled vector as it is, where there is one; more may stand behind it."""
        return find_sites(self.bare_denoiser, self.pooled_table) if self.pooled_table else ()

    @property
    def joint_layers(self) -> tuple[Site, ...]:
        """Queries and keys of joint attention in a rectified flow, where words and picture have weights of their own
        (GEM tunes them); none in other families."""
        return ()

    @property
    def device(self) -> torch.device:
        """Where the denoiser computes; where it is offloaded layer by layer, where the pipeline does."""
        device = next(self.denoiser.parameters()).device
        return torch.device(self.pipeline._execution_device) if device.type == "meta" else device

    @property
    def dtype(self) -> torch.dtype:
        """Of the denoiser's arithmetic."""
        dtype: torch.dtype = next(p.dtype for p in self.bare_denoiser.parameters() if p.element_size() > 1)
        return dtype

    @property
    @abstractmethod
    def width(self) -> int:
        """Of c, the vector that switch and hypernetwork read."""

    @property
    @abstractmethod
    def latent_shape(self) -> tuple[int, int, int]:
        """``(C, h, w)`` of a picture of the usual size."""

    @property
    def shape(self) -> dict[str, int | bool]:
        """What a guard must find again besides layers and weights: what it is, in words → how much, or whether."""
        return {}

    def release(self, encoders: bool = True) -> None:
        """Let the VAE, and the text encoders too, leave the device until :meth:`restore`; on a CPU they stay.

        Until then nobody can encode prompts, if the encoders went, or draw.
        """
        if self.device.type == "cpu":
            return
        for name in ("vae", *(name for name, _ in self.encoders if encoders)):
            module = getattr(self.pipeline, name, None)
            # Parts that somebody else moves about as they are needed are left to them.
            if module is not None and module.device == self.device and not hasattr(module, "_hf_hook"):
                self._away[name] = module.device
                module.to("cpu")

    def restore(self) -> None:
        """Bring back what :meth:`release` sent away; the device may draw again."""
        for name, device in self._away.items():
            getattr(self.pipeline, name).to(device)
        self._away.clear()

    # ------------------------------------------------------------ text

    @abstractmethod
    def encode(self, prompts: Sequence[str]) -> Text:
        """Prompts as the pipeline itself encodes them."""

    def unconditional(self, n: int) -> Text:
        """What guidance leads away from where nobody says otherwise, n rows: the empty prompt."""
        return self.remembered([""]).expanded(n)

    def remembered(self, sentences: Sequence[str]) -> Text:
        """Sentences that are asked again and again, each encoded alone and once; nobody may write into them."""
        pairs = [(getattr(self.pipeline, e, None), getattr(self.pipeline, t, None)) for e, t in self.encoders]
        return self._sentences(self.pipeline, pairs, (self.device, self.dtype), sentences)

    @abstractmethod
    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """c of many short texts, float32 ``[n, width]``; each is computed once."""

    @abstractmethod
    def visible(self, text: str) -> str:
        """What the text encoders read of a text: what lies beyond their limit is drawn by nobody.

        Where tokens were added to a tokenizer, the text knows them: :class:`unhype.families.spoken.Parted`.
        """

    @abstractmethod
    def tokens(self, text: str) -> int:
        """How many tokens a text has, with those that begin and end it, in the encoder that reads least."""

    def last_token(self, text: str) -> int:
        """Place of a text's last token among its states; what follows ends the text or pads it."""
        return len(getattr(self.pipeline, self.state_tokenizer)(text).input_ids) - 2

    def whole_from(self, text: str) -> int:
        """Place of the first of a text's states that has read all of it: the last token's, where the encoder of the
        states reads forward."""
        return self.last_token(text)

    # ------------------------------------------------------------ diffusion

    @abstractmethod
    def times(self, n: int, rng: np.random.Generator, earliest: float, law: str = "") -> torch.Tensor:
        """n random times of the training noise schedule by one of ``laws``, none below ``earliest``, a share of all."""

    @abstractmethod
    def time_at(self, share: float, n: int) -> torch.Tensor:
        """n times, this far into the noise: 1 is noise alone."""

    @abstractmethod
    def noised(self, latents: torch.Tensor, noise: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """z_t from z_0."""

    @abstractmethod
    def predict(
        self, noisy: torch.Tensor, times: torch.Tensor, text: Text, denoiser: nn.Module | None = None
    ) -> torch.Tensor:
        """What the denoiser, or a copy of it, predicts: noise or velocity, ``[n, C, h, w]``."""

    @abstractmethod
    def clean(self, noisy: torch.Tensor, times: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
        """z_0 as a prediction at z_t has it, float32."""

    @abstractmethod
    def share_of(self, times: torch.Tensor) -> torch.Tensor:
        """How far into the noise times are, float32 in 0 … 1: what :meth:`time_at` takes."""

    @abstractmethod
    def guided(
        self, noisy: torch.Tensor, times: torch.Tensor, text: Text, empty: Text, guidance: float
    ) -> torch.Tensor:
        """The prediction that the sampler follows; ``empty`` is :meth:`unconditional`, as many rows."""

    @abstractmethod
    def latents(self, pixels: np.ndarray) -> torch.Tensor:
        """z_0 of pictures ``uint8 [n, height, width, 3]``, float32 ``[n, C, h, w]``."""

    @abstractmethod
    def trajectory(self, steps: int) -> Trajectory:
        """The sampler's own path, step by step, for who looks at it on the way."""

    # ------------------------------------------------------------ pictures

    def draw(self, prompts: Sequence[str], seeds: Sequence[int], how: Sampling) -> Iterator[np.ndarray]:
        """One picture for each (prompt, seed), in batches ``uint8 [n, height, width, 3]`` in order.

        Raises:
            UnhypeError: see :meth:`check_starts_from_noise`.
        """
        self.check_starts_from_noise()
        return sample(self.pipeline, prompts, seeds, how, **self.call_options(how))

    def check_starts_from_noise(self) -> None:
        """Refuse a denoiser that wants more than noise and words: nothing can be drawn from a prompt, nor trained.

        Raises:
            UnhypeError: it reads a picture beside the noise.
        """
        if self.read_channels != self.latent_shape[0]:
            raise UnhypeError(
                f"got a denoiser that reads {self.read_channels} channels where latents have {self.latent_shape[0]} "
                "(it fills in, enlarges or follows a picture), wanted one that draws from a prompt alone: "
                "train the guard on its text-to-image base"
            )

    @property
    @abstractmethod
    def read_channels(self) -> int:
        """Channels that the denoiser reads, as latents count them."""

    def call_options(self, how: Sampling) -> dict[str, Any]:
        """What a call of the pipeline needs besides prompts, steps, guidance and generators."""
        return {} if how.size is None else {"height": how.size, "width": how.size}

    # ------------------------------------------------------------ watching

    @abstractmethod
    def asked(self, arguments: Mapping[str, Any], turn: int) -> Asked:
        """What a call of ``encode_prompt`` asks for; see :mod:`unhype.adapters.watching`."""

    @abstractmethod
    def encoded(self, result: Any) -> tuple[Rows, Rows | None]:
        """What it returned: rows of the prompts, and of the negative ones."""

    @abstractmethod
    def text_in(self, arguments: Mapping[str, Any]) -> Rows:
        """The text in a call of the denoiser."""

    @abstractmethod
    def drawn_in(self, arguments: Mapping[str, Any], output: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """What a call of the denoiser is drawing, row by row: :meth:`clean` ``[n, C, h, w]``, and the times ``[n]``."""

    @abstractmethod
    def with_text(self, arguments: Mapping[str, Any], text: Text) -> dict[str, Any]:
        """The same call with other text, as many rows; what :meth:`text_in` reads of it is that text."""
