"""Which family a pipeline is of. Told by its parts; the list is the one place where families are named."""

from __future__ import annotations

from typing import Any

from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.families.flux import Flux
from unhype.families.sdxl import StableDiffusionXL
from unhype.families.stable_diffusion import StableDiffusion

FAMILIES: list[type[Family]] = [StableDiffusion, StableDiffusionXL, Flux]
"""Each is asked in turn; append your own to teach all rooms of it."""


def family_class(pipeline: Any) -> type[Family]:
    """The family that a pipeline is of.

    Raises:
        UnhypeError: none that is known.
    """
    for kind in FAMILIES:
        if kind.fits(pipeline):
            return kind
    known = ", ".join(kind.name for kind in FAMILIES)
    absent = [name for name, part in getattr(pipeline, "components", {}).items() if part is None]
    without = [name for name in absent if name.startswith(("text_encoder", "tokenizer", "unet", "transformer"))]
    raise UnhypeError(
        f"got a {type(pipeline).__name__}{' without ' + ', '.join(without) if without else ''}, wanted a whole one "
        f"of the families {known}: unhype/families/README.md says how to add one"
    )


def family_of(pipeline: Any, table: str | None = None, reads: str | None = None) -> Family:
    """A pipeline as its family.

    Args:
        table: choice of sites; the family's first by default.
        reads: choice of what c is made of; the family's first by default.
    """
    return family_class(pipeline)(pipeline, table, reads)


def named(name: str) -> type[Family]:
    """The family of a name.

    Raises:
        UnhypeError: none that is known.
    """
    for kind in FAMILIES:
        if kind.name == name:
            return kind
    raise UnhypeError(f"got the family {name!r}, wanted one of {', '.join(kind.name for kind in FAMILIES)}")
