"""Files are whole or absent, whatever interrupts the writing."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from unhype.errors import UnhypeError
from unhype.files import sha256, write_array, write_tensors, write_text, write_whole


def full(_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_one_line_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(UnhypeError, match="no space left") as caught:
        write_whole(path, full)
    assert "\n" not in str(caught.value)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_nothing_half_written(tmp_path: Path) -> None:
    def interrupted(partial: Path) -> None:
        partial.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "file.txt", interrupted)
    assert not list(tmp_path.iterdir())


def test_tensors_come_back_equal(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(6).reshape(2, 3).T, "b": torch.ones(())}
    write_tensors(tmp_path / "t.safetensors", tensors, {"done": "3"})
    back = load_file(tmp_path / "t.safetensors")
    assert all(torch.equal(back[name], tensor) for name, tensor in tensors.items())


def test_arrays_are_written_block_by_block(tmp_path: Path) -> None:
    blocks = [np.full((2, 3), i) for i in range(4)]
    assert list(write_array(tmp_path / "a.npy", "uint8", (8, 3), blocks)) == [2, 4, 6, 8]
    assert np.array_equal(np.load(tmp_path / "a.npy"), np.concatenate(blocks))


def test_an_array_that_fails_on_the_way_is_absent(tmp_path: Path) -> None:
    def blocks() -> Iterator[np.ndarray]:
        yield np.zeros((2, 3))
        full(None)

    with pytest.raises(UnhypeError, match="no space left"):
        list(write_array(tmp_path / "a.npy", "uint8", (8, 3), blocks()))
    assert not list(tmp_path.iterdir())


def test_sha256_is_the_known_one(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    assert sha256(tmp_path / "f") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
