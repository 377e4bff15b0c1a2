"""What a job would take, before a byte of a base is fetched: sites, parameters, memory, GPUs that hold it, time.

    training   weights + Adam and average of H + latents of base pictures + the worst moment of a step
    drawing    weights + H                                                + the worst moment of a picture

The worst moment is traced on shapes alone (:mod:`unhype.pipeline.tracing`): a step is the base's predictions for prompt
and anchor without gradients, then the adapted one's with, as :mod:`unhype.erasing.trainer` does. Measured against the
model: docs/experiments/planning.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch

from unhype.adapters.lora import active
from unhype.erasing.hypernet import Hypernet
from unhype.erasing.texts import AT_ONCE
from unhype.erasing.trainer import TrainingSettings
from unhype.families import skeleton
from unhype.families.family import Family
from unhype.pictures.sampling import Sampling
from unhype.pipeline.tracing import Trace, checkpointing_of, trace, weight_bytes
from unhype.training import arithmetic_of

GIB = 2**30

PROCESS = {"cuda": 0.6 * GIB, "cpu": 0.5 * GIB}
"""Before a base is loaded: a GPU's context and the libraries' handles; on a CPU Python, torch and diffusers."""

UTILISATION = 0.35
"""Share of a card's stated rate that products reach. Assumed, not measured."""

CALL = 10e-6
"""Seconds that Python and the driver take for an operation, whatever its size. Assumed, not measured."""


@dataclass(frozen=True)
class Work:
    """What takes time: floating-point operations, and calls."""

    flops: float
    calls: float

    @classmethod
    def of(cls, trace: Trace) -> Work:
        """Of what was traced."""
        return cls(trace.flops, trace.calls)

    def __add__(self, other: Work) -> Work:
        return Work(self.flops + other.flops, self.calls + other.calls)

    def __rmul__(self, times: float) -> Work:
        return Work(times * self.flops, times * self.calls)

    def seconds(self, tflops: float) -> float:
        """How long a card of a stated rate takes."""
        return self.flops / (tflops * 1e12 * UTILISATION) + CALL * self.calls


@dataclass(frozen=True)
class Memory:
    """Bytes by what they are for.

    Attributes:
        terms: in words → bytes.
        leaving: the text encoders' terms, which can wait elsewhere while the denoiser works.
        released: terms that the trainer itself sends off the device before the first step.
        start: what is there before that.
    """

    terms: Mapping[str, float]
    leaving: tuple[str, ...]
    released: tuple[str, ...] = ()
    start: float = 0.0

    @property
    def total(self) -> float:
        """Peak, if nobody moves parts of the base about but the trainer."""
        return max(self.start, self._without(self.released))

    @property
    def least(self) -> float:
        """Peak with text encoders off the device while the denoiser works."""
        return self._without({*self.leaving, *self.released})

    def _without(self, names: Iterable[str]) -> float:
        return sum(self.terms.values()) - sum(self.terms[name] for name in names)


class Plan:
    """One job on one base.

    Attributes:
        family: the base without weights; its dtype is that of the plan.
        training, sampling: settings.
        pictures: base pictures that training reads.
        texts: distinct texts that it reads.
        room_for_texts: bytes that these may take when they are encoded.
        device: ``cuda`` or ``cpu``.
    """

    def __init__(
        self,
        family: Family,
        training: TrainingSettings,
        sampling: Sampling,
        pictures: int,
        device: str = "cuda",
        texts: int = 0,
        room_for_texts: float = 0.0,
    ) -> None:
        self.family, self.training, self.sampling = family, training, sampling
        self.pictures, self.device = pictures, device
        self.texts, self.room_for_texts = texts, room_for_texts
        self._encodings: dict[int, Trace] = {}
        self.shape = skeleton.latent_shape(family, sampling.size)
        with torch.device("meta"):
            self.hypernet = Hypernet(training.hypernet, family.sites, family.width)
        self.hypernet.bind(family.bare_denoiser)

    # ------------------------------------------------------------ sizes

    @cached_property
    def trainable(self) -> int:
        """Parameters of the hypernetwork that are trained."""
        return sum(p.numel() for p in self.hypernet.parameters() if p.requires_grad)

    @cached_property
    def emitted(self) -> int:
        """Numbers of one LoRA."""
        return self.hypernet.emitted

    # ------------------------------------------------------------ memory

    def memory_of_training(self, checkpointing: bool) -> Memory:
        """Peak of a step."""
        average = 1 if self.training.schedule.average else 0
        terms = {
            **self._weights(),
            "hypernetwork, float32": weight_bytes([self.hypernet]),
            # Its gradients are in the trace: they are there when the activations are gone.
            "AdamW's moments and the average": (2 + average) * 4.0 * self.trainable,
            "latents of base pictures": 4.0 * self.pictures * self._numbers,
            "worst moment of a step": float(
                max(self.reference.peak, self.adapted[checkpointing].peak, self.encoded(2 * self._rows).peak)
            ),
        }
        terms |= self._process()
        if self.device == "cpu":
            return Memory(terms, self._leaving())
        first = self.encoded(AT_ONCE if self.texts_are_kept else 1).peak
        start = sum(self._weights().values()) + sum(self._process().values()) + first
        released = (f"vae, {word(self.family.dtype)}", *(self._leaving() if self.texts_are_kept else ()))
        return Memory(terms, self._leaving(), released, start)

    @property
    def bytes_of_texts(self) -> int:
        """All texts of training, encoded, in the CPU's memory."""
        one = skeleton.text_of(self.family, 1)
        return self.texts * sum(part.nbytes for part in (one.states, one.pooled) if part is not None)

    @property
    def texts_are_kept(self) -> bool:
        """Whether the trainer encodes each text once, and needs no text encoder in a step."""
        draws = 2 * self.training.schedule.steps * self._rows
        return 0 < self.texts <= draws and self.bytes_of_texts <= self.room_for_texts

    def memory_of_drawing(self) -> Memory:
        """Peak of a batch of pictures under guard."""
        worst = max(self.denoised.peak, self.decoded.peak, self.encoded(self.sampling.batch).peak)
        terms = {
            **self._weights(),
            "hypernetwork, float32": float(weight_bytes([self.hypernet])),
            "worst moment of a picture": float(worst),
        }
        return Memory({**terms, **self._process()}, self._leaving())

    def _weights(self) -> dict[str, float]:
        parts = skeleton.modules(self.family)
        return {f"{name}, {word(self.family.dtype)}": float(weight_bytes([part])) for name, part in parts.items()}

    def _process(self) -> dict[str, float]:
        return {"CUDA's context" if self.device == "cuda" else "Python and libraries": PROCESS[self.device]}

    def _leaving(self) -> tuple[str, ...]:
        return tuple(f"{name}, {word(self.family.dtype)}" for name, _ in self.family.encoders)

    @property
    def _numbers(self) -> int:
        channels, height, width = self.shape
        return channels * height * width

    @property
    def _rows(self) -> int:
        return self.training.schedule.batch

    # ------------------------------------------------------------ traces

    @cached_property
    def reference(self) -> Trace:
        """The base's predictions for prompts and anchors, without gradients."""
        return self._trace(lambda: self._predict(2 * self._rows), self._arithmetic, gradients=False)

    @cached_property
    def adapted(self) -> dict[bool, Trace]:
        """The adapted prediction and its gradient, without and with gradient checkpointing."""
        return {checkpointing: self._adapted(checkpointing) for checkpointing in (False, True)}

    def _adapted(self, checkpointing: bool) -> Trace:
        denoiser, n = self.family.bare_denoiser, self._rows

        def step() -> None:
            c, s = torch.empty(n, self.family.width, device="meta"), torch.ones(n, device="meta")
            with active(denoiser, self.hypernet(c, s)):
                self._predict(n).float().square().mean().backward()

        if checkpointing:
            denoiser.enable_gradient_checkpointing(checkpointing_of(self.device, self._arithmetic))  # type: ignore[operator]
        try:
            return self._trace(step, self._arithmetic, gradients=True)
        finally:
            self.hypernet.zero_grad(set_to_none=True)
            denoiser.disable_gradient_checkpointing()  # type: ignore[operator]

    @cached_property
    def denoised(self) -> Trace:
        """One step of the sampler for a batch of pictures."""
        rows = self.sampling.batch * skeleton.rows_a_picture(self.family, self.sampling.guidance)
        return self._trace(lambda: self._predict(rows), None, gradients=False)

    @cached_property
    def decoded(self) -> Trace:
        """A batch of latents to pixels."""
        return self._trace(
            lambda: skeleton.decode(self.family, torch.empty(self.sampling.batch, *self.shape, device="meta")),
            None,
            gradients=False,
        )

    def encoded(self, n: int) -> Trace:
        """n texts through all text encoders."""
        if n not in self._encodings:
            self._encodings[n] = self._trace(lambda: skeleton.encode(self.family, n), None, gradients=False)
        return self._encodings[n]

    def _predict(self, n: int) -> torch.Tensor:
        noisy, times = torch.empty(n, *self.shape, device="meta"), torch.zeros(n, device="meta")
        return self.family.predict(noisy, times, skeleton.text_of(self.family, n))

    @property
    def _arithmetic(self) -> torch.dtype | None:
        where = "cpu" if self.device == "cpu" else "meta"  # a card need not be here
        precision = arithmetic_of(self.training.precision, torch.device(where))
        return None if precision == torch.float32 else precision

    def _trace(self, run: Callable[[], object], arithmetic: torch.dtype | None, gradients: bool) -> Trace:
        with torch.set_grad_enabled(gradients):
            return trace(run, self.device, arithmetic)

    # ------------------------------------------------------------ time

    def work_of_training(self, checkpointing: bool) -> Work:
        """All steps, without the base pictures; texts that are encoded once are little beside."""
        passes = 2 if self.training.mode == "both" else 1
        step = Work.of(self.reference) + passes * Work.of(self.adapted[checkpointing])
        if not self.texts_are_kept:
            step = step + Work.of(self.encoded(2 * self._rows))
        return self.training.schedule.steps * step

    @property
    def work_of_a_picture(self) -> Work:
        """From noise to pixels, in a batch."""
        encoded = Work.of(self.encoded(self.sampling.batch))
        batch = self.sampling.steps * Work.of(self.denoised) + Work.of(self.decoded) + encoded
        return 1 / self.sampling.batch * batch


def word(dtype: torch.dtype) -> str:
    """``bf16``, ``fp16`` or ``float32``."""
    return {torch.bfloat16: "bf16", torch.float16: "fp16"}.get(dtype, "float32")
