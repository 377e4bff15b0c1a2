"""An eraser on a pipeline that somebody else built from the base's own parts: for img2img, or with new embeddings."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from unhype.baselines.weights import Rewritten, replaced
from unhype.eraser import Eraser, Nothing
from unhype.erasing.guarded import Guarded
from unhype.errors import UnhypeError


def acting(eraser: Eraser, pipeline: Any) -> AbstractContextManager[object]:
    """The eraser acts on this pipeline, which shares the base's denoiser, while the context is open.

    Raises:
        UnhypeError: see :func:`check_acts`.
    """
    check_acts(eraser)
    if isinstance(eraser, Guarded):
        return eraser.guard.attached(pipeline, eraser.derived)
    if isinstance(eraser, Rewritten):
        return replaced(eraser.case.family.bare_denoiser, eraser.case.fitted(eraser.name))
    return nullcontext()


def check_acts(eraser: Eraser) -> None:
    """Refuse an eraser that acts on the pipeline alone that it was fitted on.

    Raises:
        UnhypeError: naming it.
    """
    if not isinstance(eraser, Guarded | Rewritten | Nothing):
        raise UnhypeError(
            f"got {eraser.name}, which draws with its own pipeline alone, wanted a guard, a rival that changes weights "
            "or none"
        )
