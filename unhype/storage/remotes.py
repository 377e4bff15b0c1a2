"""A folder's content between DVC's cache and a remote, and from the cache into a folder; whole, or not at all.

DVC takes the files of a folder for granted where its record is. Here each file is asked for: a push puts back what
somebody has deleted in the remote, and a pull tells what is missing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unhype.errors import UnhypeError
from unhype.storage.addresses import Files, files_of, info_of
from unhype.storage.trouble import heard, plainly


def cached(repo: Any, found: str) -> bool:
    """Whether all of a folder's content is in the cache of this machine; DVC throws away what was changed there."""
    cache = repo.cache.local
    if not cache.oids_exist([found]):
        return False
    wanted = set(_files(repo, found).values())
    return len(cache.oids_exist(list(wanted))) == len(wanted)


def named(repo: Any, remote: str) -> str:
    """A remote for people: its name and where it is."""
    name = remote or repo.config["core"].get("remote", "")
    url = repo.config["remote"].get(name, {}).get("url", "")
    return f"the remote {name}" + (f" ({url})" if url else "") if name else "no remote"


def push(repo: Any, found: str, remote: str = "") -> int:
    """Send a folder's content from the cache to a remote; returns how many files were not there yet.

    Raises:
        UnhypeError: no such remote, no credentials, no permission, no answer.
    """
    where = named(repo, remote)
    with plainly(where):
        cache, there = repo.cache.local, repo.cloud.get_remote_odb(remote or None, "push")
        sent, _ = _copy(cache, there, set(_files(repo, found).values()))
        # The record last: who finds it finds all.
        _copy(cache, there, {found})
        return sent


def fetch(repo: Any, found: str, remote: str = "") -> Files:
    """Bring a folder's content from a remote into the cache, as far as it is not there; returns what it lists.

    Raises:
        UnhypeError: as of :func:`push`; or something is missing or damaged in the remote.
    """
    if cached(repo, found):
        return _files(repo, found)
    where = named(repo, remote)
    with plainly(where):
        cache, there = repo.cache.local, repo.cloud.get_remote_odb(remote or None, "pull")
        what = "without"
        _, missing = _copy(there, cache, {found}, verify=True)
        if not missing:
            _, missing = _copy(there, cache, set(_files(repo, found).values()), verify=True)
            what = f"with {len(missing)} files missing or damaged ({min(missing, default='')}) of"
    if missing:
        raise UnhypeError(
            f"got {where} {what} {found}, wanted all of it: whoever registered this version sends it with "
            "unhype data push, once what is damaged is deleted there"
        )
    return _files(repo, found)


def lay_out(repo: Any, found: str, folder: Path) -> None:
    """Write a folder's content from the cache into a folder that is not there yet.

    Raises:
        UnhypeError: no space left, or no permission.
    """
    from dvc.fs import localfs
    from dvc_data.hashfile.checkout import checkout
    from dvc_data.hashfile.tree import Tree

    cache = repo.cache.local
    folder.parent.mkdir(parents=True, exist_ok=True)
    with heard():
        checkout(str(folder.absolute()), localfs, Tree.load(cache, info_of(found)), cache, force=True, quiet=True)


def _files(repo: Any, found: str) -> Files:
    from dvc_data.hashfile.tree import Tree

    return files_of(Tree.load(repo.cache.local, info_of(found)))


def _copy(source: Any, target: Any, wanted: set[str], verify: bool = False) -> tuple[int, set[str]]:
    """Copy what the target lacks; returns how many were copied, and which are not there all the same.

    Args:
        verify: throw away what has not the content that its name says.
    """
    lacking = sorted(wanted - set(target.oids_exist(list(wanted))))
    if not lacking:
        return 0, set()
    errors: list[BaseException] = []
    paths = [source.oid_to_path(one) for one in lacking]
    target.add(
        paths, source.fs, lacking, on_error=lambda _, error: errors.append(error), check_exists=False, verify=verify
    )
    # What is not there is told by its name; anything else is trouble with the remote, and so is a bucket that is gone.
    for error in errors:
        if not isinstance(error, FileNotFoundError) or "bucket" in str(error):
            raise error
    missing = set(lacking) - set(target.oids_exist(lacking))
    return len(lacking) - len(missing), missing
