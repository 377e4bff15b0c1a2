"""What an attack keeps: read again, refused if damaged; and a folder that can't be written to is told beforehand."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path
from typing import Any

import pytest

from unhype.attacks.kept import check_writable, read
from unhype.errors import UnhypeError


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_what_is_damaged_is_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "verdict.json"
    assert read(path) == {}
    path.write_text('{"of": "a"}')
    assert read(path) == {"of": "a"}
    path.write_text(text)
    with pytest.raises(UnhypeError, match=r"damaged .*verdict.json.* delete it"):
        read(path)


def test_a_folder_that_can_be_made_is_left_unmade(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for place in (file, file / "below"):
        with pytest.raises(UnhypeError, match=r"could not use .*file"):
            check_writable(place)

    def full(**_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(UnhypeError, match=r"no space left on the disk"):
        check_writable(tmp_path / "out")
