"""From the name of a guard to its folder: a path, or ``models:/name/3`` and ``models:/name@champion``, looked up.

A version that was copied to another registered model (the button "Promote model" of the UI) keeps pointing at the files
of the original.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

from unhype.errors import UnhypeError
from unhype.registry.gating import check
from unhype.registry.store import Store, open_store, project
from unhype.registry.trouble import mlflow_errors

ARTIFACT = "guard"
"""Under this name a model holds its guard folder."""

LOGGED = re.compile(r"models:/(?P<id>m-\w+)")

URI = re.compile(r"models:/(?P<name>[^/@:]+)(/(?P<number>\d+)|@(?P<alias>[^/@]+))")


def resolve(store: Store, uri: str) -> Path:
    """The local folder of a guard.

    Raises:
        UnhypeError: no such folder, model, version or alias, naming those there are; files that are gone; a model that
            is no guard.
    """
    if not re.match(r"[a-z0-9]+:/", uri):
        if not Path(uri).is_dir():
            raise UnhypeError(
                f"got no folder {uri}, wanted a guard folder or a registry URI such as models:/unhype-celeb100@champion"
            )
        return Path(uri)
    if not (parts := URI.fullmatch(uri)):
        raise UnhypeError(
            f"got {uri}, wanted models:/<name>/<number>, models:/<name>@<alias> or the path of a guard folder"
        )
    name, number = _version(store, parts)
    with mlflow_errors(store.place):
        return _guard_in(_files(store, name, number), f"version {number} of {name}")


def local_folder(uri: str, root: Path | None = None, ungated: bool = False) -> Path:
    """The folder of a guard that is to be used: a version must have passed its gates.

    Args:
        root: of the store, by default :func:`unhype.registry.store.project`.
        ungated: take a version that did not pass, too.

    Raises:
        UnhypeError: see :func:`resolve`; or a version that did not pass.
    """
    store = open_store(root or project(), write=False)
    folder = resolve(store, uri)
    if not ungated and (parts := URI.fullmatch(uri)):
        name, number = _version(store, parts)
        with mlflow_errors(store.place):
            tags = store.client.get_model_version(name, number).tags
        check(f"version {number} of {name}", f"models:/{name}/{number}", tags, folder)
    return folder


def named_version(store: Store, uri: str) -> tuple[str, str]:
    """Name of the model and number of the version that ``models:/name/3`` or ``models:/name@alias`` means.

    Raises:
        UnhypeError: no URI of a version, no such model, or no such alias.
    """
    if not (parts := URI.fullmatch(uri)):
        raise UnhypeError(f"got {uri}, wanted models:/<name>/<number> or models:/<name>@<alias>")
    return _version(store, parts)


def model_id_of(store: Store, name: str, number: str) -> str | None:
    """MLflow's logged model behind a version, through copies; None for what was registered in another way."""
    source = str(store.client.get_model_version(name, number).source)
    if copied := URI.fullmatch(source):
        return model_id_of(store, copied["name"], copied["number"] or _by_alias(store, copied["name"], copied["alias"]))
    found = LOGGED.fullmatch(source)
    return found["id"] if found else None


def guard_path(store: Store, name: str, number: str) -> str:
    """Where the guard lies within the model of a version."""
    model = _files(store, name, number)
    return _guard_in(model, f"version {number} of {name}").relative_to(model).as_posix()


def _version(store: Store, parts: re.Match[str]) -> tuple[str, str]:
    with mlflow_errors(store.place):
        return parts["name"], parts["number"] or _by_alias(store, parts["name"], parts["alias"])


def registered(store: Store, name: str) -> Any:
    """MLflow's record of a registered model.

    Raises:
        UnhypeError: none of this name; names those there are.
    """
    models = {model.name: model for model in store.client.search_registered_models()}
    if name not in models:
        raise UnhypeError(
            f"got the model {name!r}, wanted one of those in {store.place}: "
            f"{', '.join(sorted(models)) or 'there are none yet'}"
        )
    return models[name]


def _by_alias(store: Store, name: str, alias: str) -> str:
    aliases = {key: str(number) for key, number in registered(store, name).aliases.items()}
    if alias not in aliases:
        there = ", ".join(f"@{key} (version {number})" for key, number in sorted(aliases.items()))
        raise UnhypeError(
            f"got @{alias} of the model {name!r}, wanted one of {there or 'its aliases, which it has none of'}: "
            "set it in the UI (make ui)"
        )
    return aliases[alias]


def _files(store: Store, name: str, number: str) -> Path:
    """The folder of a model version; fetched once from a server that keeps it elsewhere."""
    registered(store, name)
    there = sorted(int(version.version) for version in store.client.search_model_versions(f"name = '{name}'"))
    if int(number) not in there:
        raise UnhypeError(
            f"got version {number} of the model {name!r}, "
            f"wanted one of {', '.join(map(str, there)) or 'its versions, which it has none of'}"
        )
    location = store.client.get_model_version_download_uri(name, number)
    local = Path(location.removeprefix("file://"))
    if local.is_dir():
        return local
    if local.is_absolute():
        raise UnhypeError(
            f"got no folder {local}, where the files of version {number} of {name} should be: "
            "restore it, or train and register anew"
        )
    kept = store.root / "build" / "registry" / f"{quote(name, safe='')}-{number}"
    if not kept.is_dir():
        _fetch(store, f"models:/{name}/{number}", kept)
    return kept


def _fetch(store: Store, uri: str, folder: Path) -> None:
    from mlflow.artifacts import download_artifacts

    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        download_artifacts(
            artifact_uri=uri, dst_path=str(partial), tracking_uri=store.tracking, registry_uri=store.registry
        )
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _guard_in(model: Path, which: str) -> Path:
    import yaml

    try:
        card = yaml.safe_load((model / "MLmodel").read_text(encoding="utf-8"))
        folder = model / card["flavors"]["python_function"]["artifacts"][ARTIFACT]["path"]
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise UnhypeError(
            f"got {which} in {model}, wanted a model that holds a guard: "
            "it was registered by something else than unhype"
        ) from error
    if not folder.is_dir():
        raise UnhypeError(
            f"got no folder {folder}, where the guard of {which} should be: restore it, or train and register anew"
        )
    return folder
