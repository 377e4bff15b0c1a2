"""Files that are whole or absent: write to a temporary name beside the target, flush, then rename."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from unhype.errors import UnhypeError

if TYPE_CHECKING:
    import numpy as np
    import torch


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary name to fill; it becomes ``path`` when the context closes in order, and is gone otherwise.

    Raises:
        UnhypeError: the disk is full or the folder can't be written; nothing is left behind.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise UnhypeError(describe(error, path)) from error
    except Exception as error:
        if "No space left" not in str(error):
            raise
        raise UnhypeError(describe(OSError(errno.ENOSPC, "No space left on device"), path)) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a file, whole or not at all; see :func:`whole` for errors."""
    with whole(path) as partial:
        write(partial)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file, whole or not at all."""
    from safetensors.torch import save_file

    whole = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    write_whole(path, lambda partial: save_file(whole, partial, dict(metadata)))


def write_array(path: Path, dtype: str, shape: tuple[int, ...], blocks: Iterable[np.ndarray]) -> Iterator[int]:
    """Write a ``.npy`` file of ``shape`` block by block, whole or not at all; yields the number of rows written so far.

    Plain writes and no memory map: on a full disk those end in an error that can be told, these in a signal.
    """
    import numpy as np

    rows = 0
    with whole(path) as partial, open(partial, "wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            file.write(np.ascontiguousarray(block, dtype=dtype).tobytes())
            rows += len(block)
            yield rows


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def describe(error: OSError, path: Path) -> str:
    """One line for a person about a file that could not be read or written."""
    if error.errno == errno.ENOSPC:
        return f"no space left on the disk for {path}: free some and run the same command again, it resumes"
    if isinstance(error, FileNotFoundError):
        return f"got no file {path}: check the path"
    return f"could not use {path}: {error.strerror or error}"
