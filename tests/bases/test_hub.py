"""What the hub says, in its own exceptions and as libraries wrap them: one line each that says what to do."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import diffusers
import httpx2
import pytest
import torch
from huggingface_hub import errors as hub
from safetensors.torch import save_file

from unhype.bases.finding import find_base
from unhype.bases.hub import fetched
from unhype.bases.loading import load_pipeline
from unhype.errors import UnhypeError


def answer(status: int) -> httpx2.Response:
    return httpx2.Response(status, request=httpx2.Request("GET", "https://hub.invalid/api/models/owner/name"))


CASES: dict[str, tuple[Exception, list[str]]] = {
    "not logged in": (hub.GatedRepoError("401", response=answer(401)), ["licence", "`hf auth login`", "accept it"]),
    "licence": (hub.GatedRepoError("403", response=answer(403)), ["has not accepted", "accept it on the base's page"]),
    "no such": (hub.RepositoryNotFoundError("404", response=answer(404)), ["got no owner/name", "check the id"]),
    "offline": (hub.OfflineModeIsEnabled("offline"), ["HF_HUB_OFFLINE", "unset it", "--base"]),
    "not cached": (hub.LocalEntryNotFoundError("not in the cache"), ["no connection", "go online once", "--base"]),
    "no network": (httpx2.ConnectError("name resolution"), ["no connection", "check the network", "it resumes"]),
    "too slow": (httpx2.ReadTimeout("timed out"), ["no connection", "it resumes"]),
    "broken": (ConnectionResetError("reset by peer"), ["no connection", "it resumes"]),
    "no space": (OSError(errno.ENOSPC, "No space left on device"), ["no space left", "HF_HOME", "it resumes"]),
    "no space, elsewhere": (RuntimeError("I/O error: No space left on device (os error 28)"), ["no space left"]),
    "no pipeline": (hub.RemoteEntryNotFoundError("404", response=answer(404)), ["without model_index.json"]),
    "server": (hub.HfHubHTTPError("503 Service Unavailable", response=answer(503)), ["503", "try again later"]),
    "no id": (hub.HFValidationError("bad"), ["owner/name", "check the id"]),
    "pickles": (OSError("Could not find the necessary `safetensors` weights in {…}"), ["without safetensors"]),
}


def told(monkeypatch: pytest.MonkeyPatch, download: Any) -> str:
    monkeypatch.setattr(diffusers.DiffusionPipeline, "download", download)
    with pytest.raises(UnhypeError) as caught:
        fetched(find_base("owner/name", Path("data")))
    assert "\n" not in str(caught.value)
    assert "owner/name" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("wrapped", [False, True], ids=["as it is", "wrapped"])
@pytest.mark.parametrize("case", CASES)
def test_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch, case: str, wrapped: bool) -> None:
    error, words = CASES[case]
    if wrapped and case in ("pickles", "no id"):
        pytest.skip("diffusers raises it itself")
    if case != "offline":
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)

    def download(*_: Any, **__: Any) -> None:
        if not wrapped:
            raise error
        try:
            raise hub.LocalEntryNotFoundError("not in the cache")
        except hub.LocalEntryNotFoundError:
            raise OSError("Cannot load model: the model is not fully cached locally\nand an error occurred") from error

    message = told(monkeypatch, download)
    assert all(word in message for word in words), message


def test_diffusers_own_download_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is replaced here but the switch: an empty cache, and no network allowed."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnhypeError, match=r"got HF_HUB_OFFLINE, and not all files of owner/name .* unset it") as caught:
        fetched(find_base("owner/name", Path("data")))
    assert "\n" not in str(caught.value)


def test_other_errors_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(diffusers.DiffusionPipeline, "download", download)
    with pytest.raises(ZeroDivisionError):
        fetched(find_base("owner/name", Path("data")))


def test_a_folder_that_was_fetched_stands_in_for_its_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: dict[str, Any] = {}

    def download(name: str, **options: Any) -> str:
        asked.update(options, name=name)
        return str(tmp_path)

    monkeypatch.setattr(diffusers.DiffusionPipeline, "download", download)
    source = fetched(find_base("sd14", Path("data")))
    assert (source.reference, source.folder, source.hub) == ("sd14", tmp_path, "")
    assert asked == {"name": "CompVis/stable-diffusion-v1-4", "use_safetensors": True, "safety_checker": None}
    assert fetched(source) is source


def test_a_single_file_without_its_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise httpx2.ConnectError("name resolution")

    save_file({"cond_stage_model.model.ln_final.weight": torch.zeros(2)}, tmp_path / "base.safetensors")
    monkeypatch.setattr(diffusers.StableDiffusionPipeline, "from_single_file", unreachable)
    with pytest.raises(
        UnhypeError, match=r"configuration of .*base\.safetensors.*params\.yaml, base: \{config\}"
    ) as caught:
        load_pipeline(find_base(str(tmp_path / "base.safetensors"), tmp_path))
    assert "\n" not in str(caught.value)
