"""What a base's files hash to, in milliseconds even for 24 GB: all that is small, and pieces of every tensor.

A safetensors file begins with a header that names every tensor and where it lies. The hash covers the header whole and
a few pieces of each tensor, so that an edit of a single layer is seen, too. Only an edit of a few rows of one tensor
can slip through. Names and folders around a file do not count: a copy elsewhere is the same base.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from unhype.errors import UnhypeError
from unhype.files import describe

SMALL = 1 << 20
"""Bytes up to which a file is read whole."""

PIECES, PIECE = 4, 256
"""Evenly spaced pieces of a tensor, first and last among them, and their bytes."""

LARGEST_HEADER = 100_000_000
"""Bytes of a header beyond which a file is no safetensors file (the format's own limit)."""


def hash_of(files: Iterable[tuple[str, Path]]) -> str:
    """One hash over files.

    Args:
        files: what each is called, and where it lies.

    Raises:
        UnhypeError: a file that can't be read.
    """
    digest = hashlib.sha256()
    for name, path in files:
        try:
            size = path.stat().st_size
            digest.update(json.dumps([name, size]).encode())
            with open(path, "rb") as file:
                if size <= SMALL or path.suffix != ".safetensors":
                    while block := file.read(SMALL):
                        digest.update(block)
                else:
                    for piece in _pieces(file, size):
                        digest.update(piece)
        except OSError as error:
            raise UnhypeError(describe(error, path)) from error
    return digest.hexdigest()


def header_of(path: Path) -> dict[str, Any]:
    """Tensor's name → ``dtype``, ``shape`` and ``data_offsets``, as the file says.

    Raises:
        UnhypeError: no safetensors file, or one that ends too early.
    """
    try:
        with open(path, "rb") as file:
            size = path.stat().st_size
            content, start = _header(file, size)
            tensors = {name: facts for name, facts in json.loads(content).items() if name != "__metadata__"}
            end = start + max((facts["data_offsets"][1] for facts in tensors.values()), default=0)
    except OSError as error:
        raise UnhypeError(describe(error, path)) from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UnhypeError(
            f"got {path}, which is no safetensors file whatever its name says, wanted one: other formats can run code "
            "when they are read; fetch it again, or ask its author"
        ) from error
    if end != size:
        raise UnhypeError(
            f"got {size} bytes in {path}, wanted the {end} that its header speaks of: fetch it again, it was cut off"
        )
    return tensors


def _header(file: IO[bytes], size: int) -> tuple[bytes, int]:
    """The header's JSON, and where the tensors begin."""
    lead = file.read(8)
    length = struct.unpack("<Q", lead)[0] if len(lead) == 8 else size
    if length > min(size - 8, LARGEST_HEADER):
        raise ValueError("no header")
    return file.read(length), 8 + length


def _pieces(file: IO[bytes], size: int) -> Iterator[bytes]:
    """The header, and pieces of every tensor; of a damaged file pieces of the whole."""
    try:
        content, start = _header(file, size)
        yield content
        offsets = [facts["data_offsets"] for name, facts in json.loads(content).items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, AttributeError):
        start, offsets = 0, [[i * size // 1024, (i + 1) * size // 1024] for i in range(1024)]
    for first, last in sorted(map(tuple, offsets)):
        span = last - first - PIECE
        places = [first + i * span // (PIECES - 1) for i in range(PIECES)] if span > 0 else [first]
        for place in places:
            file.seek(start + place)
            yield file.read(min(PIECE, last - place))
