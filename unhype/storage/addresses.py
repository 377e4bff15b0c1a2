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

Files = dict[str, str]
"""A file's path within a folder, with slashes → the address of its content."""


def address(folder: Path) -> str:
    """The address of a folder as it is now.

    Raises:
        UnhypeError: no such folder, or nothing in it.
    """
    return str(_built(folder, _nowhere())[1].hash_info.value)


def files_in(folder: Path) -> Files:
    """What a folder holds now; see :func:`address` for errors."""
    return files_of(_built(folder, _nowhere())[1])


def keep(folder: Path) -> str:
    """Put a folder into the cache of the DVC repository that it lies in; where there is none, nothing is kept.

    Whatever happens to the folder later, this content can be had again by its address, which is returned.

    Raises:
        UnhypeError: no such folder, nothing in it, or no space left.
    """
    from dvc_data.hashfile.transfer import transfer

    with repository(folder) as repo, heard() as causes:
        if repo is None:
            return address(folder)
        staging, tree = _built(folder, repo.cache.local, dry=False)
        failed = None
        try:
            failed = transfer(staging, repo.cache.local, {tree.hash_info}, shallow=False).failed
        except OSError as error:
            causes.append(error)
        if failed is None or failed:
            cause = next((one for one in causes if isinstance(one, OSError)), None)
            why = describe(cause, folder) if cause else f"{len(failed or ())} files could not be copied"
            raise UnhypeError(f"got no copy of {folder} in DVC's cache: {why}")
        return str(tree.hash_info.value)


@contextmanager
def repository(place: Path) -> Iterator[Any]:
    """DVC's repository around a folder, which need not be there yet; None where there is none."""
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    place = place.absolute()
    try:
        root = Repo.find_root(str(next(each for each in (place, *place.parents) if each.is_dir())))
    except NotDvcRepoError:
        yield None
        return
    with Repo(root) as repo:
        yield repo


def info_of(found: str) -> Any:
    """An address as DVC's functions take it."""
    from dvc_data.hashfile.hash_info import HashInfo

    return HashInfo(HASH, found)


def files_of(tree: Any) -> Files:
    """What DVC's record of a folder lists."""
    return {"/".join(key): str(info.value) for key, _meta, info in tree}


def _nowhere() -> Any:
    """A cache that nothing is put into."""
    from dvc.fs import localfs
    from dvc_data.hashfile.db.local import LocalHashFileDB

    return LocalHashFileDB(localfs, "nowhere", hash_name=HASH)


def _built(folder: Path, cache: Any, dry: bool = True) -> tuple[Any, Any]:
    """What DVC would put into a cache, and its record of the folder; a cache knows the hashes of files seen before."""
    from dvc.fs import localfs
    from dvc_data.hashfile.build import build

    if not folder.is_dir():
        raise UnhypeError(f"got no folder {folder}: check the path")
    try:
        staging, _, tree = build(cache, str(folder.absolute()), localfs, HASH, dry_run=dry)
    except OSError as error:
        raise UnhypeError(describe(error, folder)) from error
    if not len(tree):
        raise UnhypeError(f"got an empty folder {folder}, wanted files in it")
    return staging, tree
