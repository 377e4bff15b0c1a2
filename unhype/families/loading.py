"""A base as its family, at the precision and on the device that the settings ask for, or that suit the family."""

from __future__ import annotations

import torch

from unhype.bases.finding import Source
from unhype.bases.loading import BaseSettings, fetched, load_pipeline, plain_pipeline
from unhype.families.choosing import FAMILIES, family_of
from unhype.families.family import Defaults, Family


def load_family(source: Source, settings: BaseSettings | None = None, table: str | None = None) -> Family:
    """Load a base.

    Args:
        table: choice of sites; the family's first by default.
    """
    settings, source = settings or BaseSettings(), fetched(source)
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    usual = defaults_of(source)
    # On a CPU float32 is faster than what it must emulate.
    auto = usual.dtype if usual and device != "cpu" else "float32"
    dtype = auto if settings.dtype == "auto" else settings.dtype
    return family_of(load_pipeline(source, dtype, device, settings.config), table)


def defaults_of(source: Source) -> Defaults | None:
    """What the family of a base uses, told without loading it; None for a pipeline that no family knows by name."""
    name = plain_pipeline(source)
    return next((kind.defaults for kind in FAMILIES if kind.plain == name), None)
