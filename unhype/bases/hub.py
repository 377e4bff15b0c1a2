"""The hub: files are fetched once, and what goes wrong there is told in one line that says what to do.

Libraries wrap the hub's errors in their own, so the whole chain of causes is asked.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from unhype.bases.finding import LEFT_OUT, Source
from unhype.errors import UnhypeError

COPY = "give the folder of a copy as --base"
"""What does without the hub."""


def fetched(source: Source) -> Source:
    """The same with its files here: those of a hub id are taken from the local cache, or downloaded.

    Raises:
        UnhypeError: offline, gated, no such repository, no space: in one line each.
    """
    if not source.hub:
        return source
    return replace(source, folder=download(source.hub), hub="")


def download(hub: str, *without: str) -> Path:
    """The folder of a hub id, from the local cache or from the hub; safetensors only.

    Args:
        without: names of the pipeline's parts whose weights are not needed.

    Raises:
        UnhypeError: see :func:`fetched`.
    """
    from diffusers import DiffusionPipeline

    with hub_errors(hub):
        # A part that is handed over is not fetched.
        given = dict.fromkeys((*LEFT_OUT, *without))
        return Path(DiffusionPipeline.download(hub, use_safetensors=True, **given))


@contextmanager
def hub_errors(where: str, instead: str = COPY) -> Iterator[None]:
    """What the hub says, told to a person; other errors pass.

    Args:
        where: what is asked for.
        instead: what does without the hub.
    """
    try:
        yield
    except UnhypeError:
        raise
    except Exception as error:
        if (told := _told(error, where, instead)) is None:
            raise
        raise UnhypeError(told) from error


def _told(error: BaseException, where: str, instead: str) -> str | None:
    from httpx2 import TransportError
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    chain = list(_causes(error))

    def found(*kinds: type[BaseException]) -> BaseException | None:
        return next((each for each in chain if isinstance(each, kinds)), None)

    if any(isinstance(each, OSError) and each.errno == errno.ENOSPC for each in chain) or any(
        "no space left" in str(each).lower() for each in chain
    ):
        cache = os.environ.get("HF_HOME") or "~/.cache/huggingface"
        return (
            f"no space left on the disk for {where} in {cache}: free some, or set HF_HOME to a folder on a larger "
            "disk, and run the same command again, it resumes"
        )
    if gated := found(GatedRepoError):
        if getattr(getattr(gated, "response", None), "status_code", 401) == 403:
            return (
                f"got no access to {where}, whose licence this account has not accepted: accept it on the base's page "
                "at the hub, wait until access is granted, and run the same command again"
            )
        return (
            f"got no access to {where}, which asks for a licence: accept it on the base's page at the hub, then log "
            "in with `hf auth login` and run the same command again"
        )
    if found(RepositoryNotFoundError):
        return (
            f"got no {where} at the hub, wanted a base that is there: check the id; for a private one log in with "
            "`hf auth login`"
        )
    if found(OfflineModeIsEnabled) or (os.environ.get("HF_HUB_OFFLINE") == "1" and found(LocalEntryNotFoundError)):
        return (
            f"got HF_HUB_OFFLINE, and not all files of {where} are in the local cache: unset it and go online once, or "
            f"{instead}"
        )
    if found(RevisionNotFoundError) or (found(EntryNotFoundError) and not found(LocalEntryNotFoundError)):
        return f"got {where} at the hub without model_index.json, wanted a diffusers pipeline: check the id"
    if found(TransportError, ConnectionError, TimeoutError):
        return (
            f"got no connection to the hub for {where}, and not all of its files are in the local cache: check the "
            f"network and run the same command again, it resumes; or {instead}"
        )
    if answer := found(HfHubHTTPError):
        return f"got {_short(answer)} from the hub for {where}: try again later"
    if found(LocalEntryNotFoundError):
        return (
            f"got no connection to the hub for {where}, and not all of its files are in the local cache: go online "
            f"once, or {instead}"
        )
    if found(HFValidationError):
        return f"got {where}, wanted a hub id (owner/name): check the id"
    if any("`safetensors` weights" in str(each) for each in chain):
        return (
            f"got {where} at the hub without safetensors, wanted a base that has them: other formats can run code when "
            "they are read"
        )
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and what led to it."""
    at: BaseException | None = error
    seen: set[int] = set()
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or at.__context__


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:160]
