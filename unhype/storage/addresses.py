"""A folder by its content: DVC's own address of it, and its files kept in DVC's cache.

DVC names a folder by the MD5 of the list of its files, each with an MD5 of its own, and ``.dir`` after it.
``dvc.lock`` says the same of the same folder. Hashing, copying and comparing are DVC's; nothing here knows how.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unhype.errors import UnhypeError
from unhype.files import describe
from unhype.storage.trouble import heard

HASH = "md5"
"""By which DVC addresses whatever it caches."""


def address(folder: Path) -> str:
    """The address of a folder as it is now.

    Raises:
        UnhypeError: no such folder, or nothing in it.
    """
    with _cache_of(folder) as cache:
        return _built(folder, cache, keep=False)[1]


def keep(folder: Path) -> str:
    """Put a folder into the cache of the DVC repository that it lies in; where there is none, nothing is kept.

    Whatever happens to the folder later, this content can be had again by its address, which is returned.

    Raises:
        UnhypeError: no such folder, nothing in it, or no space left.
    """
    from dvc_data.hashfile.transfer import transfer

    with _cache_of(folder) as cache, heard() as causes:
        staging, found = _built(folder, cache, keep=cache.path != NOWHERE)
        if cache.path != NOWHERE and transfer(staging, cache, {info_of(found)}, shallow=False).failed:
            raise UnhypeError(f"could not keep {folder} in DVC's cache {cache.path} ({causes[-1] if causes else '?'})")
        return found


def info_of(found: str) -> Any:
    """An address as DVC's functions take it."""
    from dvc_data.hashfile.hash_info import HashInfo

    return HashInfo(HASH, found)


NOWHERE = "/dev/null"
"""Path of a cache that nothing is put into: of a folder that lies in no DVC repository."""


@contextmanager
def _cache_of(folder: Path) -> Iterator[Any]:
    """The cache of the repository that a folder lies in. It knows hashes of files that it has seen before."""
    from dvc.exceptions import NotDvcRepoError
    from dvc.fs import localfs
    from dvc.repo import Repo
    from dvc_data.hashfile.db.local import LocalHashFileDB

    if not folder.is_dir():
        raise UnhypeError(f"got no folder {folder}: check the path")
    try:
        root = Repo.find_root(str(folder.absolute()))
    except NotDvcRepoError:
        yield LocalHashFileDB(localfs, NOWHERE, hash_name=HASH)
        return
    with Repo(root) as repo:
        yield repo.cache.local


def _built(folder: Path, cache: Any, keep: bool) -> tuple[Any, str]:
    """What DVC would put into the cache, and its address."""
    from dvc.fs import localfs
    from dvc_data.hashfile.build import build

    try:
        staging, _, tree = build(cache, str(folder.absolute()), localfs, HASH, dry_run=not keep)
    except OSError as error:
        raise UnhypeError(describe(error, folder)) from error
    if not len(tree):
        raise UnhypeError(f"got an empty folder {folder}, wanted files in it")
    return staging, str(tree.hash_info.value)
