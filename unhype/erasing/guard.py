"""The guard: UnHype at inference, on any Stable Diffusion pipeline. Every prompt of a batch gets the LoRA that its own words call for.

    guard = Guard.load("models/celeb100")
    with guard.attached(pipeline):
        pipeline(["a photo of a forgotten name", "a photo of a dog"])

One pass of the hypernetwork for each call: prompts → their phrases' c → H(c, S) → factors of the conditional half; the unconditional half is the base's. It
fails closed (:mod:`unhype.adapters.attachment`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from unhype.adapters.attachment import attach
from unhype.adapters.lora import Factors
from unhype.bases.cards import content_hash
from unhype.erasing.checkpoint import Trained, load, to_device
from unhype.erasing.hypernet import strength
from unhype.erasing.phrases import Reading, reader
from unhype.erasing.switch import Switch
from unhype.errors import UnhypeError
from unhype.families.stable_diffusion import StableDiffusion

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline


class Guard:
    """A trained eraser, ready to be attached.

    Attributes:
        trained: hypernetwork, switch, facts.
        share: s/S, the dial: 1 forgets wholly, 0 not at all.
    """

    def __init__(self, trained: Trained, concepts: Sequence[str] | None = None, share: float = 1.0) -> None:
        if not 0 <= share <= 1:
            raise UnhypeError(f"got a share of {share}, wanted a number from 0 (nothing is forgotten) to 1")
        self.trained, self.share = trained, share
        self.switch = _chosen(trained.switch, concepts)

    @classmethod
    def load(cls, folder: str | Path, concepts: Sequence[str] | None = None, share: float = 1.0) -> Guard:
        """From a guard folder, or a registry URI such as ``models:/unhype-celeb100@champion``.

        Args:
            concepts: forget only these of the concepts that were trained; all of them by default.
            share: s/S.
        """
        if str(folder).startswith(("models:/", "runs:/")):
            from unhype.registry import local_folder

            folder = local_folder(str(folder))
        return cls(load(Path(folder)), concepts, share)

    @contextmanager
    def attached(self, pipeline: StableDiffusionPipeline) -> Iterator[StableDiffusionPipeline]:
        """The pipeline under guard while the context is open."""
        detach = self.attach(pipeline)
        try:
            yield pipeline
        finally:
            detach()

    def attach(self, pipeline: StableDiffusionPipeline) -> Callable[[], None]:
        """Put a pipeline under guard for good; returns what undoes it.

        Raises:
            UnhypeError: another family of pipeline, another base than it was trained for, or a pipeline under guard already.
        """
        family = StableDiffusion(pipeline)
        self._check(pipeline, family)
        self.trained = to_device(self.trained, family.unet.device)
        self.switch = self.switch and self.switch.to(family.unet.device)  # a choice of concepts is a switch of its own
        return attach(pipeline, self.trained.hypernet.sites, lambda prompts: self.factors(family, prompts))

    @torch.no_grad()
    def factors(self, family: StableDiffusion, prompts: Sequence[str]) -> dict[str, Factors]:
        """The LoRA of each prompt: those of its phrases, together."""
        read = self.read(family, prompts)
        self.trained.hypernet.bind(family.unet)
        steps = torch.full(
            (len(read) * read.phrases,), self.share * self.trained.hypernet.config.steps, device=read.c.device
        )
        each: dict[str, Factors] = self.trained.hypernet(read.c.flatten(0, 1), steps, read.opened.flatten())
        return {name: factors.joined(read.phrases) for name, factors in each.items()}

    def read(self, family: StableDiffusion, prompts: Sequence[str]) -> Reading:
        """What the prompts speak of; nothing is open for those that the base draws as if there were no guard, to the bit."""
        return reader(family.vectors, self.switch and self.switch.to(family.unet.device))(prompts)

    def strength(self, family: StableDiffusion, prompts: Sequence[str]) -> torch.Tensor:
        """‖ΔW‖ of each prompt, ``[n]``: is the switch a switch?"""
        return strength(self.factors(family, prompts))

    def _check(self, pipeline: StableDiffusionPipeline, family: StableDiffusion) -> None:
        hypernet, facts = self.trained.hypernet, self.trained.facts
        if hypernet.width != family.width or hypernet.sites != family.sites:
            raise UnhypeError(
                f"got a pipeline whose layers are not those of {facts.get('base')}, wanted the base that this guard was trained for"
            )
        wanted, folder = facts.get("base_hash"), Path(str(pipeline.config.get("_name_or_path", "")))
        if wanted and folder.is_dir() and (got := content_hash(folder)) != wanted:
            raise UnhypeError(
                f"got the base {folder} ({got[:12]}), wanted {facts.get('base')} ({wanted[:12]}): train a guard for this base"
            )


def _chosen(switch: Switch | None, concepts: Sequence[str] | None) -> Switch | None:
    if concepts is None:
        return switch
    if switch is None:
        raise UnhypeError(
            "got a choice of concepts for a guard without a switch, wanted one with: train with switch: true"
        )
    unknown = [concept for concept in concepts if concept not in switch.concepts]
    if unknown or not concepts:
        raise UnhypeError(
            f"got the concept {unknown[0] if unknown else ''!r}, wanted some of those that were trained: {', '.join(switch.concepts[:8])}…"
        )
    return switch.only(concepts)
