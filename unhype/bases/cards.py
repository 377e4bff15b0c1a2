"""Bases and judges on disk: ordinary model folders with a ``card.json``, which has the hash of every file.

A folder is written under a temporary name and renamed when it is whole; it is read only if every byte is what its card
says. Folders without a card (a Stable Diffusion from elsewhere) load too: there is nothing to check them against.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from unhype.errors import UnhypeError
from unhype.files import describe, sha256, write_text

CARD = "card.json"

VERSIONED = ("diffusers", "torch", "transformers")
"""Packages whose versions a card records; the first must agree in its minor version for a base to load."""

OUTSIDE = ("README.md", "figures.json")
"""Files beside the weights that may change without making another base of it."""


def publish(folder: Path, write: Callable[[Path], None], facts: Mapping[str, Any]) -> None:
    """Write a model folder with its card, whole or not at all.

    Args:
        folder: where; an older folder there is replaced, its model card and figures too.
        write: fills an empty folder with files.
        facts: what else the card says: recipe, sizes, seeds.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        write(partial)
        card = {
            **facts,
            "versions": {name: version(name).split("+")[0] for name in VERSIONED},
            "files": _hashes(partial),
        }
        write_text(partial / CARD, json.dumps(card, indent=2) + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)
    except OSError as error:
        raise UnhypeError(describe(error, folder)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a model folder; empty where it has none.

    Raises:
        UnhypeError: no folder there, or a card that is not JSON.
    """
    if not folder.is_dir():
        raise UnhypeError(
            f"got no model folder {folder}, wanted one with model files in it: check the path, or run "
            f"`git checkout -- {folder}`"
        )
    path = folder / CARD
    if not path.exists():
        return {}
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnhypeError(f"got a damaged {path} ({error}): restore it with `git checkout -- {folder}`") from error
    if not isinstance(card, dict):
        raise UnhypeError(
            f"got {type(card).__name__} in {path}, wanted a card: restore it with `git checkout -- {folder}`"
        )
    return card


def verify(folder: Path) -> dict[str, Any]:
    """Check a folder against its card and return the card.

    Raises:
        UnhypeError: a file is missing, truncated or different, or diffusers is of another minor version.
    """
    card = read_card(folder)
    for name, facts in card.get("files", {}).items():
        path = folder / name
        repair = f"restore it with `git checkout -- {folder}`"
        if not path.exists():
            raise UnhypeError(f"got no {path}, which {folder / CARD} lists: {repair}")
        if path.stat().st_size != facts["bytes"]:
            raise UnhypeError(
                f"got {path.stat().st_size} bytes in {path}, wanted {facts['bytes']} (truncated?): {repair}"
            )
        if sha256(path) != facts["sha256"]:
            raise UnhypeError(f"got a {path} that differs from the hash in {folder / CARD} (tampered with?): {repair}")
    wanted = card.get("versions", {}).get("diffusers")
    got = version("diffusers")
    if wanted and _minor(wanted) != _minor(got):
        raise UnhypeError(
            f"got diffusers {got}, wanted {'.'.join(_minor(wanted))}.x for {folder}: "
            f"run `pip install diffusers=={wanted}`"
        )
    return card


def content_hash(folder: Path) -> str:
    """One hash for the whole base: over the names and hashes of its files."""
    from hashlib import sha256 as digest

    return digest(json.dumps(read_card(folder).get("files") or _hashes(folder), sort_keys=True).encode()).hexdigest()


def _hashes(folder: Path) -> dict[str, dict[str, Any]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in (CARD, *OUTSIDE))
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)} for path in files
    }


def _minor(number: str) -> tuple[str, ...]:
    return tuple(number.split(".")[:2])
