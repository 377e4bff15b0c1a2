"""Prompts and pictures of a registered version, from whoever made them to whoever asks: by the addresses in its tags.

push    DVC's cache, where they were kept when the version was registered  →  a remote
pull    a remote  →  DVC's cache  →  data/prompts/<set> and data/images/<base>/<set>, or the same below --out
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unhype.bases.finding import Source
from unhype.errors import UnhypeError
from unhype.pipeline.job import base_name
from unhype.registry.models import Version
from unhype.storage.addresses import Files, address, files_in, keep, repository
from unhype.storage.remotes import cached, fetch, lay_out, named, push


@dataclass(frozen=True)
class Part:
    """A folder of data that a version was made from.

    Attributes:
        path: below the folder of data.
        address: of its content, see :mod:`unhype.storage.addresses`.
    """

    path: Path
    address: str


def parts_of(version: Version) -> tuple[Part, Part]:
    """Prompts and pictures of a version.

    Raises:
        UnhypeError: it was registered before versions had such tags.
    """
    tags: Mapping[str, str] = version.tags
    wanted = ("concept_set", "base", "prompts_data", "pictures_data")
    if missing := [name for name in wanted if not tags.get(name)]:
        raise UnhypeError(
            f"got {version.uri} without the tag {missing[0]}, wanted one that says which data made it: it was "
            "registered by an older unhype; run the flow on its list again, and take the version that this registers"
        )
    concepts, base = tags["concept_set"], base_name(Source(tags["base"]))
    return (
        Part(Path("prompts") / concepts, tags["prompts_data"]),
        Part(Path("images") / base / concepts, tags["pictures_data"]),
    )


def push_data(version: Version, data: Path, remote: str = "") -> Iterator[str]:
    """Send what a version was made from to a remote; says what was sent.

    Args:
        data: folder of data, in the DVC repository whose cache and remotes are meant.
        remote: its name; empty for the default one.

    Raises:
        UnhypeError: no such content on this machine, or trouble with the remote.
    """
    with _repository(data) as repo:
        for part in parts_of(version):
            if not cached(repo, part.address):
                there = data / part.path
                if not there.is_dir() or address(there) != part.address:
                    raise UnhypeError(
                        f"got neither in DVC's cache nor in {there} what {version.uri} was made from ({part.address}): "
                        "push it on the machine that registered it"
                    )
                keep(there)
            sent = push(repo, part.address, remote)
            yield f"{part.path}  {part.address}: {sent} files sent to {named(repo, remote)}"


def pull_data(
    version: Version, data: Path, out: Path | None = None, force: bool = False, remote: str = ""
) -> Iterator[str]:
    """Write what a version was made from, exactly; says where.

    Args:
        data, remote: see :func:`push_data`.
        out: folder to write into, in place of ``data``.
        force: put it in the place of what differs.

    Raises:
        UnhypeError: other rows or pictures are there, something is missing in the remote, or trouble with it; nothing
            was written then.
    """
    with _repository(data) as repo:
        parts = {(out or data) / part.path: part.address for part in parts_of(version)}
        wanted = {folder: found for folder, found in parts.items() if _now(folder) != found}
        listed = {folder: fetch(repo, found, remote) for folder, found in wanted.items()}
        for folder in wanted if not force else ():
            _refuse_other(folder, listed[folder], version)
        with _beside(wanted) as ready:
            for folder, partial in ready.items():
                lay_out(repo, wanted[folder], partial)
            for folder, partial in ready.items():
                _put(partial, folder)
        for folder, found in parts.items():
            yield f"{folder}  {found}: {len(listed[folder]) if folder in wanted else 'there already, no'} files written"


def _now(folder: Path) -> str:
    """The address of what is there; empty for nothing."""
    return address(folder) if folder.is_dir() and any(folder.iterdir()) else ""


def _refuse_other(folder: Path, wanted: Files, version: Version) -> None:
    if not _now(folder):
        return
    there = files_in(folder)
    odd = sorted(name for name in there.keys() | wanted.keys() if there.get(name) != wanted.get(name))
    what = "is edited" if odd[0] in there and odd[0] in wanted else "is new" if odd[0] in there else "is missing"
    raise UnhypeError(
        f"got {folder} with {len(odd)} files that differ from those of {version.uri} ({odd[0]} {what}), wanted none to "
        "be lost: --out FOLDER writes elsewhere, --force puts those of the version in their place"
    )


@contextmanager
def _repository(data: Path) -> Iterator[Any]:
    with repository(data) as repo:
        if repo is None:
            raise UnhypeError(
                f"got {data.absolute()}, which lies in no DVC repository, wanted the data folder of a checkout: "
                "go there, or say --data"
            )
        yield repo


@contextmanager
def _beside(folders: Mapping[Path, str]) -> Iterator[dict[Path, Path]]:
    """Folder → a name beside it to fill; what was not put in its place is gone when the context closes."""
    ready = {folder: folder.with_name(f".{folder.name}.{os.getpid()}.partial") for folder in folders}
    try:
        yield ready
    finally:
        for partial in ready.values():
            shutil.rmtree(partial, ignore_errors=True)


def _put(partial: Path, folder: Path) -> None:
    """Put a folder that is whole into its place; what was there goes when it is."""
    before = partial.with_suffix(".before")
    if folder.exists():
        folder.rename(before)
    partial.rename(folder)
    shutil.rmtree(before, ignore_errors=True)
