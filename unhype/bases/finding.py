"""From what a person calls a base to where its files lie: a shipped name, an alias, a hub id, a folder, a single file.

    mini-sd        data/bases/mini-sd              flux-dev       black-forest-labs/FLUX.1-dev on the hub
    ./my-base      a diffusers folder              ./base.safetensors     one file, as the communities share them

Nothing is loaded here: a light import, and milliseconds even for 24 GB.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from unhype.bases.aliases import ALIASES
from unhype.bases.cards import content_hash, read_card
from unhype.bases.hashing import hash_of
from unhype.errors import UnhypeError

HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")
"""owner/name."""

FILES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf")
"""Endings of files with weights: what ends so is a file, and no name of a repository."""

KINDS = (".json", ".model", ".safetensors", ".txt")
"""Endings of a folder's files that shape what it draws: configurations, vocabularies, weights."""

LEFT_OUT = ("safety_checker",)
"""Parts of a folder that are never loaded."""


@dataclass(frozen=True)
class Source:
    """A base as somebody asked for it.

    Attributes:
        reference: their word for it; guards and tables say it, too.
        folder: a diffusers folder, if it is one or was fetched already.
        file: a single file of weights.
        hub: a hub id.
    """

    reference: str
    folder: Path | None = None
    file: Path | None = None
    hub: str = ""

    @cached_property
    def hash(self) -> str:
        """Of everything that shapes a picture, so that other weights are another base to caches and fingerprints.

        Of a large file pieces are read (:mod:`unhype.bases.hashing`): an edit of a few rows of one tensor may slip by.

        Whether a guard fits is another question, which :mod:`unhype.bases.identity` answers by the weights themselves.

        Raises:
            UnhypeError: a hub id whose files were not fetched yet.
        """
        if self.file:
            return hash_of([("", self.file)])
        if self.folder is None:
            raise UnhypeError(f"got {self.reference}, whose files are not here yet, wanted them fetched first")
        if read_card(self.folder):
            return content_hash(self.folder)
        names = {path.relative_to(self.folder): path for path in self.folder.rglob("*") if path.suffix in KINDS}
        kept = sorted(name for name in names if name.parts[0] not in LEFT_OUT and names[name].is_file())
        return hash_of((name.as_posix(), names[name]) for name in kept)

    @property
    def name(self) -> str:
        """For folders and tables: without anything that a path would read."""
        return re.sub(r"[^\w.-]+", "-", self.reference.strip("./")) or "base"


def find_base(reference: str, data: Path) -> Source:
    """Where a base lies. A name that ships comes before a folder that is called alike, and an alias after one.

    Args:
        data: folder with ``bases/``, where the shipped ones are.

    Raises:
        UnhypeError: nothing of that name, with those that there are; a file of another format; a folder that is no
            whole pipeline.
    """
    shipped = data / "bases" / reference
    if reference.strip(".") and "/" not in reference and shipped.is_dir():
        return Source(reference, folder=shipped)
    path = Path(os.path.expanduser(reference))  # pathlib raises where there is no such user
    if path.is_file() or path.suffix in FILES:
        if path.suffix != ".safetensors":
            raise UnhypeError(
                f"got the file {path}, wanted a .safetensors file: other formats can run code when they are read; "
                "ask its author for one, or convert it where you trust it"
            )
        if not path.is_file():
            raise UnhypeError(f"got no file {path}, wanted a .safetensors file: check the path")
        return Source(reference, file=path)
    if reference.strip() and path.is_dir():
        if not (path / "model_index.json").exists():
            raise UnhypeError(f"got no {path / 'model_index.json'}, wanted a diffusers folder of a whole pipeline")
        return Source(reference, folder=path)
    if at_hub(reference):
        return Source(reference, hub=ALIASES.get(reference, reference))
    there = sorted(path.name for path in (data / "bases").glob("*") if path.is_dir())
    raise UnhypeError(
        f"got the base {reference!r}, wanted one of {', '.join(there) or 'none'} in {data / 'bases'}, an alias "
        f"({', '.join(ALIASES)}), a hub id (owner/name), a diffusers folder or a .safetensors file"
    )


def at_hub(reference: str) -> bool:
    """Whether a reference can only mean something at the hub: an alias or an id, and no file or folder."""
    if Path(os.path.expanduser(reference)).exists() or Path(reference).suffix in FILES:
        return False
    return reference in ALIASES or HUB_ID.fullmatch(reference) is not None


def wants_hub(reference: str) -> bool:
    """Whether something may have to be fetched: a base at the hub, or the configuration of a single file.

    Libraries are kept off the network otherwise.
    """
    return at_hub(reference) or Path(reference).suffix == ".safetensors"
