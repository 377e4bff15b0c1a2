"""An eraser on a pipeline that somebody else did something to: one built for img2img, or with embeddings of his own."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from unhype.baselines.adapters import Adapted
from unhype.baselines.weights import Rewritten, replaced
from unhype.eraser import Eraser, Nothing
from unhype.erasing.guarded import Guarded
from unhype.errors import UnhypeError

WEIGHTS = ("uce", "mace_like", "esd_x", "esd_u", "gem")
"""Rivals that change weights."""

LORAS = ("static_lora", "threshold", "spm_gate")
"""Rivals that draw with LoRAs, on the base's own pipeline."""


def check_acting(name: str, own: bool) -> None:
    """Refuse an eraser by its name alone, before it is fitted.

    Args:
        own: whether it shall act on the base's own pipeline.

    Raises:
        UnhypeError: see :func:`acting`.
    """
    if name not in ("none", "unhype", "unhype_words", *WEIGHTS, *(LORAS if own else ())):
        raise UnhypeError(_refusal(name))


def acting(eraser: Eraser, pipeline: Any) -> AbstractContextManager[object]:
    """The eraser acts on this pipeline, the base's own or one that shares its denoiser, while the context is open.

    Raises:
        UnhypeError: an eraser that cannot be had there.
    """
    if isinstance(eraser, Guarded):
        own = eraser.family if pipeline is eraser.family.pipeline else None
        return eraser.guard.attached(pipeline, eraser.derived, own)
    if isinstance(eraser, Rewritten):
        return replaced(eraser.case.family.bare_denoiser, eraser.case.fitted(eraser.name))
    if isinstance(eraser, Adapted) and pipeline is eraser.case.family.pipeline:
        return eraser.attached()
    if isinstance(eraser, Nothing):
        return nullcontext()
    raise UnhypeError(_refusal(eraser.name))


def _refusal(name: str) -> str:
    return (
        f"got {name}, which draws from prompts with a pipeline of its own alone, wanted a guard, a rival that "
        "changes weights, or none"
    )
