"""What an attack keeps between two runs: verdicts and looks as JSON, and the folder that they go to."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from unhype.errors import UnhypeError
from unhype.files import describe


def read(path: Path) -> dict[str, Any]:
    """What is kept there; nothing where there is no file.

    Raises:
        UnhypeError: it is damaged.
    """
    if not path.exists():
        return {}
    try:
        told: dict[str, Any] = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UnhypeError(f"got a damaged {path}, wanted what an attack kept there: delete it") from error
    return told


def check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written to, or made, before hours of searching; leaves nothing there.

    Raises:
        UnhypeError: see above; or the disk is full.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(bytes(1 << 16))
    except OSError as error:
        raise UnhypeError(describe(error, folder)) from error
