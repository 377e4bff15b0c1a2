"""A base as its family, at the precision and on the device that the settings ask for, or that suit the family."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import torch

from unhype.bases.finding import Source
from unhype.bases.loading import BaseSettings, fetched, load_pipeline, plain_pipeline
from unhype.bases.telling import parts_of, read_index
from unhype.errors import UnhypeError
from unhype.families.choosing import FAMILIES, family_of
from unhype.families.family import Family


def load_family(
    source: Source, settings: BaseSettings | None = None, table: str | None = None, reads: str | None = None
) -> Family:
    """Load a base.

    Args:
        table: choice of sites; the family's first by default.
        reads: choice of what c is made of; the family's first by default.

    Raises:
        UnhypeError: a pipeline that no family knows, or without some of its parts, before anything is loaded; or see
            :func:`unhype.bases.loading.load_pipeline`.
    """
    settings, source = settings or BaseSettings(), fetched(source)
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = family_named_in(source)
    if source.file and settings.config and (beside := Path(settings.config).expanduser()).is_dir():
        _check_whole(kind, beside)
    usual = kind.defaults
    # On a CPU float32 is faster than what it must emulate.
    auto = usual.dtype if device != "cpu" else "float32"
    dtype = auto if settings.dtype == "auto" else settings.dtype
    return family_of(load_pipeline(source, dtype, device, settings.config), table, reads)


def family_named_in(source: Source) -> type[Family]:
    """The family of a fetched base, told without loading it.

    Raises:
        UnhypeError: a pipeline that no family knows, or without some of its parts; see also
            :func:`unhype.bases.telling.plain_pipeline`.
    """
    name = plain_pipeline(source)
    for kind in FAMILIES:
        if kind.plain == name:
            if source.folder:
                _check_whole(kind, source.folder)
            return kind
    raise UnhypeError(
        f"got a {name} in {source.reference}, wanted one of {', '.join(kind.plain for kind in FAMILIES)}: "
        "unhype/families/README.md says how to add a family"
    )


def _check_whole(kind: type[Family], folder: Path) -> None:
    """Refuse a folder whose index has no text encoder, tokenizer or denoiser where its family has one."""
    parts = parts_of(read_index(folder))
    wanted = (kind.part, *chain.from_iterable(kind.encoders))
    if missing := [name for name in wanted if parts.get(name, (None, None))[0] is None]:
        raise UnhypeError(
            f"got a {kind.plain} without {', '.join(missing)} in {folder / 'model_index.json'}, wanted all of "
            f"{', '.join(wanted)}: a guard reads prompts as every one of its encoders does; fetch the base whole"
        )
