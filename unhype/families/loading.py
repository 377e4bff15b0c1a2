"""A base as its family, at the precision and on the device that the settings ask for, or that suit the family."""

from __future__ import annotations

import torch

from unhype.bases.finding import Source
from unhype.bases.loading import BaseSettings, fetched, load_pipeline, plain_pipeline
from unhype.errors import UnhypeError
from unhype.families.choosing import FAMILIES, family_of
from unhype.families.family import Family


def load_family(source: Source, settings: BaseSettings | None = None, table: str | None = None) -> Family:
    """Load a base.

    Args:
        table: choice of sites; the family's first by default.

    Raises:
        UnhypeError: a pipeline that no family knows, before anything is loaded; or see
            :func:`unhype.bases.loading.load_pipeline`.
    """
    settings, source = settings or BaseSettings(), fetched(source)
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    usual = family_named_in(source).defaults
    # On a CPU float32 is faster than what it must emulate.
    auto = usual.dtype if device != "cpu" else "float32"
    dtype = auto if settings.dtype == "auto" else settings.dtype
    return family_of(load_pipeline(source, dtype, device, settings.config), table)


def family_named_in(source: Source) -> type[Family]:
    """The family of a fetched base, told without loading it.

    Raises:
        UnhypeError: a pipeline that no family knows; see also :func:`unhype.bases.telling.plain_pipeline`.
    """
    name = plain_pipeline(source)
    for kind in FAMILIES:
        if kind.plain == name:
            return kind
    raise UnhypeError(
        f"got a {name} in {source.reference}, wanted one of {', '.join(kind.plain for kind in FAMILIES)}: "
        "unhype/families/README.md says how to add a family"
    )
