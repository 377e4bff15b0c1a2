"""What a base is made of, without its weights: the configuration of every part of its pipeline.

Those of the known bases ship with the package: their weights are gigabytes, and some lie behind licences. A folder, or
a hub id in the local cache, brings its own. Nothing is fetched.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

from unhype.bases.aliases import ALIASES
from unhype.bases.finding import Source
from unhype.errors import UnhypeError

Configurations = dict[str, dict[str, Any]]
"""Name of a part in the pipeline → its configuration, in which ``_class_name`` says what it is."""


def configurations(source: Source) -> Configurations:
    """The parts of a base that matter for its size: denoiser, VAE, text encoders, and the limits of the tokenizers.

    Raises:
        UnhypeError: a single file, which has no configuration; a hub id that is neither known nor in the local cache; a
            damaged folder.
    """
    known = next((alias for alias, hub in ALIASES.items() if source.hub == hub), None)
    if known:
        text = resources.files("unhype.bases").joinpath("configurations", f"{known}.json").read_text(encoding="utf-8")
        shipped: Configurations = json.loads(text)
        return shipped
    folder = source.folder or _cached(source.hub)
    if folder is None:
        raise UnhypeError(
            f"got {source.reference}, whose configuration is not here, wanted one of {', '.join(ALIASES)}, a diffusers "
            "folder or a hub id that was fetched once"
        )
    return _read(folder)


def _cached(hub: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(hub, "model_index.json") if hub else None
    return Path(found).parent if isinstance(found, str) else None


def _read(folder: Path) -> Configurations:
    parts: Configurations = {}
    try:
        index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
        for name, kind in index.items():
            if not isinstance(kind, list) or kind[1] is None:
                continue
            file = "tokenizer_config.json" if name.startswith("tokenizer") else "config.json"
            path = folder / name / file
            if path.exists():
                parts[name] = {**json.loads(path.read_text(encoding="utf-8")), "_class_name": kind[1]}
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise UnhypeError(f"got a damaged diffusers folder {folder} ({error}), wanted a whole one") from error
    return parts
