"""Files that travel with a run: packed where they were made, unpacked where a later step does not find them.

A step may run on another machine, and a run may be resumed after its folders were cleared. Metaflow keeps a parcel by
the hash of its content, so what did not change is kept once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from unhype.errors import UnhypeError
from unhype.files import describe, write_whole

Parcel = dict[str, bytes]
"""A file's path below a root, with slashes → its bytes."""


def pack(root: Path, paths: Iterable[Path]) -> Parcel:
    """These files, all below ``root``, in their order.

    Raises:
        UnhypeError: a file can't be read.
    """
    parcel = {}
    for path in paths:
        try:
            parcel[path.relative_to(root).as_posix()] = path.read_bytes()
        except OSError as error:
            raise UnhypeError(describe(error, path)) from error
    return parcel


def unpack(parcel: Mapping[str, bytes], root: Path) -> int:
    """Write those that are not there, each whole; what is there stays as it is. Returns how many were written."""
    missing = [name for name in parcel if not (root / name).exists()]
    for name in missing:
        write_whole(root / name, partial(_write, parcel[name]))
    return len(missing)


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)
