"""Files that travel: what is missing is written, what is there stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from unhype.errors import UnhypeError
from unhype.pipeline.carrying import pack, unpack


def test_packed_here_unpacked_there(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "guards" / "a").mkdir(parents=True)
    files = {"guards/a/guard.json": b"{}", "guards/a/x.png": bytes(range(256)), "b.csv": "é\n".encode()}
    for name, content in files.items():
        (here / name).write_bytes(content)
    parcel = pack(here, [here / name for name in files])
    assert parcel == files
    assert list(parcel) == list(files), "in their order: a card may come last"
    assert unpack(parcel, there) == 3
    assert {name: (there / name).read_bytes() for name in files} == files
    (there / "b.csv").write_text("edited")
    (there / "guards/a/x.png").unlink()
    assert unpack(parcel, there) == 1
    assert (there / "b.csv").read_text() == "edited"
    assert not list(there.rglob("*.partial"))


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnhypeError, match=r"got no file .*gone\.csv"):
        pack(tmp_path, [tmp_path / "gone.csv"])
