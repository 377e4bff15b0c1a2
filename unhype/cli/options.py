"""Options that several verbs share, and what they name: the settings, a base, a guard on it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unhype.errors import UnhypeError

if TYPE_CHECKING:
    from unhype.bases.finding import Source
    from unhype.eraser import Eraser
    from unhype.params import Params

Verb = Callable[[str, object, str, str], argparse.ArgumentParser]
"""Makes a command from its name, what it runs, what it does, and an example."""

BASES = "a shipped base, sd14, sd15, sd21, sdxl, flux-dev, flux-schnell, a hub id, a folder or a .safetensors file"


def add_model(command: argparse.ArgumentParser) -> None:
    """The options that say which guard draws, and on which base."""
    command.add_argument("--model", metavar="URI", help="a guard's folder, models:/NAME/VERSION or models:/NAME@ALIAS")
    command.add_argument(
        "--method",
        choices=("unhype", "none"),
        default="unhype",
        help="none draws with the bare base (default: %(default)s)",
    )
    command.add_argument("--base", metavar="BASE", help=f"{BASES} (default: the guard's own, or mini-sd)")
    command.add_argument(
        "--derived",
        action="store_true",
        help="accept a fine-tuned relative of the guard's base; the difference is told",
    )
    command.add_argument(
        "--share", type=float, default=1.0, help="the dial: 1 forgets wholly, 0 not at all (default: %(default)s)"
    )
    command.add_argument(
        "--only",
        action="append",
        metavar="CONCEPT",
        help="forget only this one of the trained concepts; may be repeated",
    )


def erasers_of(options: argparse.Namespace, params: Params) -> tuple[Eraser, Eraser]:
    """The eraser that was asked for, and the bare base on the same pipeline."""
    from unhype.eraser import Nothing
    from unhype.erasing.guard import Guard
    from unhype.erasing.guarded import Guarded
    from unhype.families.loading import load_family
    from unhype.terminal import quiet

    if (options.method == "none") == bool(options.model):
        raise UnhypeError(
            f"got --method {options.method} {'with' if options.model else 'without'} --model, "
            "wanted a guard to draw under or --method none"
        )
    quiet()
    guard = Guard.load(options.model, options.only, options.share) if options.model else None
    source = source_of(options, guard.trained.facts if guard else {})
    params = params.suited(source, options.data / "judges")
    family = load_family(source, params.base, guard.trained.facts["site_table"] if guard else None)
    bare = Nothing(family, source.hash, params.sampling)
    return (Guarded(family, guard, params.sampling, options.derived) if guard else bare), bare


def source_of(options: argparse.Namespace, facts: Mapping[str, Any]) -> Source:
    """The base that was asked for: by name, else the guard's own, else the one that ships."""
    from unhype.bases.finding import find_base
    from unhype.bases.loading import fetched
    from unhype.miniature.folders import BASE

    try:
        return fetched(find_base(options.base or facts.get("base", BASE.name), options.data))
    except UnhypeError as error:
        if options.base or "base" not in facts:
            raise
        raise UnhypeError(
            f"{error}; the guard was trained on it: if it lies elsewhere now, say where: --base"
        ) from error


def params_of(options: argparse.Namespace) -> Params:
    """The settings that a command's ``--params`` names."""
    from unhype.params import Params, load_params

    # A missing default file means defaults; a file that somebody named must be there.
    if options.params == Path("params.yaml") and not options.params.exists():
        return Params()
    return load_params(options.params)
