"""A folder's address is what DVC itself records of it, and what is kept can be had again."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from unhype.errors import UnhypeError
from unhype.storage.addresses import address, keep


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "pictures"
    (folder / "none-0123").mkdir(parents=True)
    (folder / "none-0123" / "a.png").write_bytes(b"a")
    (folder / "manifest.csv").write_text("file,prompt\r\n")
    return folder


def test_it_is_the_one_that_dvc_records(pictures: Path) -> None:
    outside = address(pictures)
    with Repo.init(str(pictures.parent), no_scm=True) as repo:
        assert address(pictures) == outside
        repo.add(str(pictures))
    recorded = yaml.safe_load(pictures.with_suffix(".dvc").read_text())["outs"][0]["md5"]
    assert recorded == outside
    assert outside.endswith(".dir")


def test_what_is_kept_lies_in_the_cache_whatever_comes_after(pictures: Path) -> None:
    assert keep(pictures) == address(pictures), "in no repository it is only addressed"
    assert not (pictures.parent / ".dvc").exists()
    with Repo.init(str(pictures.parent), no_scm=True) as repo:
        before = keep(pictures)
        (pictures / "manifest.csv").write_text("file,prompt\r\nmore,rows\r\n")
        after = keep(pictures)
        assert after != before
        assert all(repo.cache.local.exists(one) for one in (before, after))
        assert {
            path.read_bytes()[:11] for path in (pictures.parent / ".dvc" / "cache").rglob("*") if path.is_file()
        } >= {
            b"a",
            b"file,prompt",
        }


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnhypeError, match="got no folder"):
        address(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnhypeError, match="got an empty folder"):
        keep(tmp_path / "empty")


def test_a_full_disk_is_told_in_a_line(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Repo.init(str(pictures.parent), no_scm=True):
        pass

    def full(*given: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dvc_data.hashfile.db.local.LocalHashFileDB.add", full)
    with pytest.raises(UnhypeError, match="no space left"):
        keep(pictures)
