"""From what a person calls a base to where its files lie: a shipped name, an alias, a hub id, a folder, a single file.

    mini-sd        data/bases/mini-sd              flux-dev       black-forest-labs/FLUX.1-dev on the hub
    ./my-base      a diffusers folder              ./base.safetensors     one file, as the communities share them

Nothing is loaded here: a light import, and milliseconds even for 24 GB.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from unhype.bases.aliases import ALIASES
from unhype.bases.cards import content_hash, read_card
from unhype.errors import UnhypeError
from unhype.files import describe

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")

BLOCKS, BLOCK = 64, 4096
"""Pieces of a weights file that its hash covers, and their bytes: a file that differs anywhere differs nearly everywhere."""


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
        """Of everything that shapes a picture: exact, so that other bytes are another base to caches and fingerprints.

        Whether a guard fits is another question, which :mod:`unhype.bases.identity` answers by the weights themselves.

        Raises:
            UnhypeError: a hub id whose files were not fetched yet.
        """
        if self.file:
            return _hashed([self.file])
        if self.folder is None:
            raise UnhypeError(f"got {self.reference}, whose files are not here yet, wanted them fetched first")
        if read_card(self.folder):
            return content_hash(self.folder)
        return _hashed(
            sorted(path for path in self.folder.rglob("*") if path.suffix in (".json", ".safetensors", ".txt"))
        )

    @property
    def name(self) -> str:
        """For folders and tables: without anything that a path would read."""
        return re.sub(r"[^\w.-]+", "-", self.reference.strip("./")) or "base"


def find_base(reference: str, data: Path) -> Source:
    """Where a base lies.

    Args:
        data: folder with ``bases/``, where the shipped ones are.

    Raises:
        UnhypeError: nothing of that name, with those that there are.
    """
    shipped = data / "bases" / reference
    if reference and "/" not in reference and shipped.is_dir():
        return Source(reference, folder=shipped)
    path = Path(reference).expanduser()
    if path.is_file():
        if path.suffix != ".safetensors":
            raise UnhypeError(
                f"got the file {path}, wanted a .safetensors file: other formats can run code when they are read; "
                "ask its author for one, or convert it where you trust it"
            )
        return Source(reference, file=path)
    if path.is_dir():
        if not (path / "model_index.json").exists():
            raise UnhypeError(f"got no {path / 'model_index.json'}, wanted a diffusers folder of a whole pipeline")
        return Source(reference, folder=path)
    if reference in ALIASES or (HUB_ID.fullmatch(reference) and not reference.startswith((".", "/"))):
        return Source(reference, hub=ALIASES.get(reference, reference))
    there = sorted(path.name for path in (data / "bases").glob("*") if path.is_dir())
    raise UnhypeError(
        f"got the base {reference!r}, wanted one of {', '.join(there) or 'none'} in {data / 'bases'}, an alias "
        f"({', '.join(ALIASES)}), a hub id (owner/name), a diffusers folder or a .safetensors file"
    )


def wants_hub(reference: str) -> bool:
    """Whether a base may have to be fetched: libraries are kept off the network otherwise."""
    return not Path(reference).exists() and (reference in ALIASES or HUB_ID.fullmatch(reference) is not None)


def _hashed(files: list[Path]) -> str:
    """A hash over names, sizes and contents; of weights over evenly spaced blocks, their header among them."""
    digest = hashlib.sha256()
    for path in files:
        try:
            size = path.stat().st_size
            digest.update(json.dumps([path.name, path.parent.name, size]).encode())
            with open(path, "rb") as file:
                if size <= BLOCKS * BLOCK or path.suffix != ".safetensors":
                    digest.update(file.read())
                    continue
                for i in range(BLOCKS):
                    file.seek(i * (size - BLOCK) // (BLOCKS - 1))
                    digest.update(file.read(BLOCK))
        except OSError as error:
            raise UnhypeError(describe(error, path)) from error
    return digest.hexdigest()
